package overview

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// bookedStore is a store on disk whose captured book has these spans.
func bookedStore(t *testing.T, spans ...coverage.Span) *store.Store {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	s, err := store.Open(store.Config{Dir: dir, Prefix: "p-", WorkingName: "w", Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, span := range spans {
		f, err := os.OpenFile(filepath.Join(dir, "ledger", "captured-"+span.To.Format("2006-01")+".ndjson"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Write(span.Line())
		if cerr := f.Close(); err != nil || cerr != nil {
			t.Fatal(err, cerr)
		}
	}
	return s
}

func stretch(from, to time.Duration, gaps map[coverage.Reason][]coverage.Stretch) coverage.Span {
	return coverage.Span{From: ago(from), To: ago(to), Gaps: gaps}
}

// The last 24 hours, in one line and in JSON.
func TestRecentCoverage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		spans []coverage.Span
		want  string // "" for no line
	}{
		{"no book", nil, ""},
		{"nothing is missing", []coverage.Span{stretch(48*time.Hour, 20*time.Hour, nil), stretch(20*time.Hour, 0, nil)},
			"coverage  last 24h00m: 100 %, no gap"},
		{"a young book", []coverage.Span{stretch(time.Hour, 0, nil)}, "coverage  last 1h00m: 100 %, no gap"},
		{"gaps, one of them too old", []coverage.Span{
			stretch(48*time.Hour, 24*time.Hour, map[coverage.Reason][]coverage.Stretch{coverage.Network: {{0, 3600}}}),
			stretch(24*time.Hour, 0, map[coverage.Reason][]coverage.Stretch{coverage.Network: {{600, 60}}, coverage.Stalled: {{1200, 300}}})},
			"coverage  last 24h00m: 99.58 %, 2 gaps (6m00s), longest 5m00s: stalled"},
		{"nobody runs", []coverage.Span{{From: ago(24 * time.Hour), To: ago(6 * time.Hour), End: coverage.Stopped}},
			"coverage  last 24h00m: 75 %, 1 gap (6h00m): stopped at 04:00"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			view, err := New(bookedStore(t, tt.spans...), Limits{}).Read(now)
			if err != nil {
				t.Fatal(err)
			}
			var table strings.Builder
			if err := view.Table(&table, false); err != nil {
				t.Fatal(err)
			}
			got := ""
			for line := range strings.Lines(table.String()) {
				if strings.HasPrefix(line, "coverage") {
					got = strings.TrimSpace(line)
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			text, err := view.JSON()
			if err != nil || strings.Contains(string(text), `"covered_percent"`) != (tt.want != "") {
				t.Errorf("JSON, %v:\n%s", err, text)
			}
		})
	}
}

// What a grabber that runs has not entered yet counts too; one that was killed
// is covered up to its last sign of life.
func TestReportCoverageOfNow(t *testing.T) {
	t.Parallel()
	for _, running := range []bool{true, false} {
		s := bookedStore(t, stretch(2*time.Hour, time.Hour, nil))
		open, err := json.Marshal(coverage.Open{Span: stretch(time.Hour, time.Minute, nil), At: ago(time.Minute), PID: 7})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.CapturedBook().Keep(open); err != nil {
			t.Fatal(err)
		}
		st, err := json.Marshal(status.Grabber{Common: status.Common{PID: 7, Time: ago(time.Second)}, Messages: 5})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.WriteState(store.StateGrabber, st, false); err != nil {
			t.Fatal(err)
		}
		if running {
			lock, err := s.Lock(t.Context(), store.RoleGrabber, store.Holder{PID: 7})
			if err != nil {
				t.Fatal(err)
			}
			defer lock.Close()
		}
		r, ok, err := ReportCoverage(s, ago(90*time.Minute), now, now)
		if err != nil || !ok || r.Running != running || r.Messages != 5 {
			t.Fatalf("running %v: %+v, %v, %v", running, r, ok, err)
		}
		if running && (len(r.Gaps) != 0 || !r.To.Equal(ago(time.Second))) {
			t.Errorf("running: to %v, gaps %v; want none to %v", r.To, r.Gaps, ago(time.Second))
		}
		if !running && (len(r.Gaps) != 1 || r.Gaps[0].Seconds != 1 || r.Gaps[0].Reason != coverage.NotRunning) {
			t.Errorf("killed: gaps %v, want one of a second", r.Gaps)
		}
	}
}
