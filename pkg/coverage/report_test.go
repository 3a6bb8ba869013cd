package coverage

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// day is the time of day on the second of November 2026.
func day(clock string) time.Time {
	at, err := time.Parse(time.DateTime, "2026-11-02 "+clock)
	if err != nil {
		panic(err)
	}
	return at
}

func built(spans ...Span) *Builder {
	b := &Builder{}
	for _, s := range spans {
		b.Add([]byte(strings.TrimSuffix(string(s.Line()), "\n")))
	}
	return b
}

func TestReport(t *testing.T) {
	t.Parallel()
	whole := Span{From: day("10:00:00"), To: day("11:00:00"), Messages: []uint64{1, 2, 3}, Bytes: []uint64{10, 20, 30}}
	for _, test := range []struct {
		name    string
		spans   []Span
		in      Range
		seconds float64
		covered float64
		percent float64
		gaps    []string
	}{
		{"no gap", []Span{whole}, Range{}, 3600, 3600, 100, nil},
		{"before the book begins", []Span{whole}, Range{From: day("09:00:00")}, 3600, 3600, 100, nil},
		{"before, and the book has older months", []Span{whole}, Range{From: day("09:00:00"), Older: true}, 7200, 3600, 50,
			[]string{"not running -1h0m0s 0s"}},
		{"after its end", []Span{whole}, Range{To: day("12:00:00")}, 7200, 3600, 50, []string{"not running 1h0m0s 2h0m0s"}},
		{"after its end, while it runs", []Span{whole}, Range{To: day("12:00:00"), Running: true}, 3600, 3600, 100, nil},
		{"after an orderly end", []Span{{From: whole.From, To: whole.To, End: Stopped}}, Range{To: day("12:00:00")}, 7200, 3600, 50,
			[]string{"stopped 1h0m0s 2h0m0s"}},
		{"a span that nobody wrote", []Span{whole, {From: day("12:00:00"), To: day("13:00:00")}}, Range{}, 3 * 3600, 7200, 66.66,
			[]string{"not running 1h0m0s 2h0m0s"}},
		{"a gap that the next process tells of", []Span{whole, {From: day("11:30:00"), To: day("12:00:00"), Gaps: map[Reason][]Stretch{MachineOff: {{-1800, 1800}}}}},
			Range{}, 7200, 5400, 75, []string{"machine off 1h0m0s 1h30m0s"}},
		{"hardly a gap", []Span{{From: day("00:00:00"), To: day("23:59:59"), Gaps: map[Reason][]Stretch{Network: {{3600, 0.001}}}}},
			Range{}, 86399, 86398.999, 99.99, []string{"network -9h0m0s -8h59m59.999s"}},
		{"the same span twice", []Span{whole, {From: whole.From, To: day("10:30:00"), Gaps: map[Reason][]Stretch{Network: {{0, 60}}}}},
			Range{}, 3600, 3600, 100, nil},
		{"a gap that goes on in the next span", []Span{
			{From: whole.From, To: whole.To, Gaps: map[Reason][]Stretch{Network: {{3000, 600}}}},
			{From: whole.To, To: day("12:00:00"), Gaps: map[Reason][]Stretch{Network: {{0, 600}}}}},
			Range{}, 7200, 6000, 83.33, []string{"network 50m0s 1h10m0s"}},
		{"filled in part", []Span{
			{From: whole.From, To: whole.To, Gaps: map[Reason][]Stretch{Network: {{600, 600}}}},
			{From: whole.To, To: day("12:00:00"), Filled: []Stretch{{-2700, 600}}}},
			Range{}, 7200, 6900, 95.83, []string{"network 10m0s 15m0s", "network 15m0s 20m0s filled"}},
		{"a part of it", []Span{{From: whole.From, To: whole.To, Gaps: map[Reason][]Stretch{Network: {{600, 600}}}}},
			Range{From: day("10:15:00"), To: day("10:25:00")}, 600, 300, 50, []string{"network 15m0s 20m0s"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, ok := built(test.spans...).Report(test.in)
			if !ok || r.Seconds != test.seconds || r.CoveredSeconds != test.covered || r.CoveredPercent != test.percent {
				t.Errorf("%v of %v s (%v %%), %v; want %v of %v s (%v %%)", r.CoveredSeconds, r.Seconds, r.CoveredPercent, ok, test.covered, test.seconds, test.percent)
			}
			wantGaps(t, r, whole.From, test.gaps...)
			sum := 0.0
			for _, d := range r.Days {
				sum += d.CoveredSeconds
			}
			if round(sum) != r.CoveredSeconds {
				t.Errorf("the days have %v s, all %v s", sum, r.CoveredSeconds)
			}
		})
	}
	if _, ok := new(Builder).Report(Range{}); ok {
		t.Error("an empty book has a report")
	}
	if _, ok := built(whole).Report(Range{To: day("09:00:00")}); ok {
		t.Error("there is a report of what was before the book")
	}
}

// The JSON's names are a promise to other programs.
func TestReportFields(t *testing.T) {
	t.Parallel()
	r, _ := built(Span{From: day("10:00:00"), To: day("10:01:30"), Messages: []uint64{5}, Bytes: []uint64{50}, Withheld: 3,
		Gaps: map[Reason][]Stretch{Stalled: {{30, 15}}}}).Report(Range{})
	got, err := json.Marshal(r)
	want := `{"from":"2026-11-02T10:00:00Z","to":"2026-11-02T10:01:30Z","seconds":90,"covered_seconds":75,"filled_seconds":0,"covered_percent":83.33,` +
		`"messages":5,"bytes":50,"withheld":3,"running":false,` +
		`"gaps":[{"from":"2026-11-02T10:00:30Z","to":"2026-11-02T10:00:45Z","seconds":15,"reason":"stalled","filled":false}],` +
		`"days":[{"day":"2026-11-02","seconds":90,"covered_seconds":75,"covered_percent":83.33,"messages":5,"bytes":50}],` +
		`"minutes":{"from":"2026-11-02T10:00:00Z","messages":[5,0],"bytes":[50,0]},"clock_steps":[]}`
	if string(got) != want || err != nil {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	b := built(
		Span{From: day("06:00:00"), To: day("12:00:00"), Messages: make([]uint64, 360), Withheld: 1234,
			Gaps: map[Reason][]Stretch{Network: {{3600, 5}, {7200, 5400}}}, Filled: []Stretch{{3600, 5}}},
		Span{From: day("12:00:00"), To: day("23:30:00"), Messages: []uint64{9000, 100}, End: Stopped},
	)
	r, ok := b.Report(Range{To: day("23:59:00")})
	if !ok {
		t.Fatal("no report")
	}
	var text strings.Builder
	if err := r.Text(&text, false); err != nil {
		t.Fatal(err)
	}
	want := `2026-11-02 06:00:00 to 2026-11-02 23:59:00 UTC, 17h59m
88.97 % covered, 5.0s of it filled afterwards, 1h59m missing
9,100 messages, 0 B; the server says that it withheld 1,234 more

            00    03    06    09    12    15    18    21
2026-11-02              ####...############################.   88.97 %

messages                          #
            569 a minute at most

from                   to                       length  why
2026-11-02 07:00:00.0  2026-11-02 07:00:05.0      5.0s  network, filled
2026-11-02 08:00:00.0  2026-11-02 09:30:00.0     1h30m  network
2026-11-02 23:30:00.0  2026-11-02 23:59:00.0    29m00s  stopped
`
	if got := text.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	text.Reset()
	if err := r.Text(&text, true); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"\x1b[32m█\x1b[0m", "\x1b[31m·\x1b[0m"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("a terminal gets no %q", want)
		}
	}
}

// FuzzDecode: whatever stands in a book, reading it neither panics nor takes
// for ever, and what it makes of it keeps the sums.
func FuzzDecode(f *testing.F) {
	f.Add(string(File{Name: "n", SHA256: strings.Repeat("a", 64), First: day("10:00:00"), Last: day("10:00:01"), Position: "1"}.Line()))
	f.Add(string(Span{From: day("10:00:00"), To: day("11:00:00"), Messages: []uint64{1}, Gaps: map[Reason][]Stretch{Network: {{1, 2}}}, Filled: []Stretch{{-1, 9}}, Clock: -5}.Line()))
	f.Add(`{"kind":"span","from":"0001-01-01T00:00:00Z","to":"9999-12-31T00:00:00Z"}` + "\n" + `{"kind":"span","from":"2026-11-02T10:00:00Z","to":"2026-11-02T10:00:00Z","gaps":{"x":[[1e300,-1]]}}`)
	books, _ := filepath.Glob(filepath.Join(os.Getenv("TWITTER_STREAM_TEST_DATA"), "*.jsonl"))
	for _, path := range books {
		if text, err := os.ReadFile(path); err == nil {
			f.Add(string(text[:min(len(text), 4<<10)]))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b Builder
		for line := range strings.Lines(text) {
			b.Add([]byte(strings.TrimSuffix(line, "\n")))
		}
		DecodeOpen([]byte(text))
		r, ok := b.Report(Range{})
		if !ok {
			return
		}
		if r.CoveredSeconds < -0.001 || r.CoveredSeconds > r.Seconds+0.001 {
			t.Errorf("%v of %v s are covered", r.CoveredSeconds, r.Seconds)
		}
		if r.To.Sub(r.From) < 10*366*24*time.Hour {
			if err := r.Text(&strings.Builder{}, true); err != nil {
				t.Error(err)
			}
		}
	})
}
