package wikimedia

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/timeline"
)

func start(t *testing.T, cfg Config) *Server {
	t.Helper()
	cfg.Time = timeline.Config{Rate: 2000, Past: 2 * time.Second, Share: 5 * time.Millisecond}
	s, err := Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func open(t *testing.T, s *Server, query string, header ...string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.StreamURL()+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// read returns the numbers of the first n events and the last id.
func read(t *testing.T, resp *http.Response, n int) (seqs []uint64, id string) {
	t.Helper()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for len(seqs) < n && lines.Scan() {
		if text, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			id = text
		}
		if text, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			var m struct{ Seq uint64 }
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Fatal(err)
			}
			seqs = append(seqs, m.Seq)
		}
	}
	if len(seqs) < n {
		t.Fatalf("after %d events: %v", len(seqs), lines.Err())
	}
	return seqs, id
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	for _, tt := range []struct {
		query  string
		status int
		says   string
	}{
		{",nonsense", 400, "stream_not_found"},
		{"?since=yesterday", 400, "invalid_timestamp"},
	} {
		resp := open(t, s, tt.query)
		var p struct {
			Status int
			Type   string
		}
		if err := json.NewDecoder(resp.Body).Decode(&p); err != nil || resp.StatusCode != tt.status || p.Status != tt.status || !strings.HasSuffix(p.Type, tt.says) {
			t.Errorf("%s: %s %+v, %v", tt.query, resp.Status, p, err)
		}
	}
	read(t, open(t, s, ""), 1)
	read(t, open(t, s, ""), 1)
	if resp := open(t, s, ""); resp.StatusCode != 429 {
		t.Errorf("the third connection: %s", resp.Status)
	}
}

// TestResume goes on by an id: with the events behind its millisecond, so that
// one who does not rewind it loses those that share it.
func TestResume(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	s.Freeze()
	since := url.QueryEscape(s.Timeline.Time(1000).UTC().Format(time.RFC3339Nano))
	first, id := read(t, open(t, s, "?since="+since), 500)
	again, _ := read(t, open(t, s, "?since=2000-01-01", "Last-Event-ID", id), 100)
	last := first[len(first)-1]
	if again[0] <= last || s.Timeline.Time(again[0]).Equal(s.Timeline.Time(last)) {
		t.Errorf("behind event %d came %d", last, again[0])
	}
	if again[0] == last+1 && s.Timeline.Time(last+1).Equal(s.Timeline.Time(last)) {
		t.Error("a time stamp was as exact as an offset")
	}
	if !strings.Contains(id, "eqiad.mediawiki.recentchange") || !strings.Contains(id, "codfw.mediawiki.recentchange") || !strings.Contains(id, `"timestamp":`) {
		t.Errorf("id %s", id)
	}
}

// TestOffsetsAreExact goes on by an offset, which beats a time stamp.
func TestOffsetsAreExact(t *testing.T) {
	t.Parallel()
	s := start(t, Config{})
	got, _ := read(t, open(t, s, "", "Last-Event-ID",
		`[{"topic":"eqiad.mediawiki.recentchange","partition":0,"offset":1234,"timestamp":1},{"topic":"codfw.mediawiki.recentchange","partition":0,"offset":-1}]`), 20)
	for i, seq := range got {
		if s.topicOf(seq).remote {
			t.Errorf("event %d is of a topic that was asked for from now on", seq)
		}
		if i == 0 && (seq < 1234 || seq > 1244) {
			t.Errorf("offset 1234 began at %d", seq)
		}
	}
}

func TestSeveralStreamsAndLines(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Streams: []string{"recentchange", "page-create", "revision-create"}})
	resp := open(t, s, "", "Accept", "application/json")
	lines := bufio.NewScanner(resp.Body)
	seen := map[string]bool{}
	for n := 0; n < 50 && lines.Scan(); n++ {
		var m struct{ Meta struct{ Stream string } }
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatalf("%v: %s", err, lines.Bytes())
		}
		seen[m.Meta.Stream] = true
	}
	if len(seen) != 3 {
		t.Errorf("streams: %v", seen)
	}
	one, err := http.Get(s.URL() + path + "page-create")
	if err != nil {
		t.Fatal(err)
	}
	defer one.Body.Close()
	got, _ := read(t, one, 20)
	if slices.ContainsFunc(got, func(seq uint64) bool { return s.topicOf(seq).stream != 1 }) {
		t.Errorf("asked for one stream, got %v", got)
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	s := start(t, Config{Config: live.Config{Faults: []string{"cut=50ms"}}})
	resp := open(t, s, "")
	n, err := bufio.NewReader(resp.Body).WriteTo(discard{})
	if err != nil || n == 0 || s.Connections()[0].End != "lifetime" {
		t.Errorf("%d bytes, %v, the log says %+v", n, err, s.Connections())
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
