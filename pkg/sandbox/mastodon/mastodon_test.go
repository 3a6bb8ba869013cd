package mastodon

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/timeline"
)

func start(t *testing.T, faults ...string) *Server {
	t.Helper()
	s, err := Start(live.Config{Faults: faults, Time: timeline.Config{Rate: 1000, Past: time.Second, Share: 10 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(page)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, tt := range []struct {
		path   string
		status int
		says   string
	}{
		{"/api/v1/streaming/public", 401, `{"error":"Missing access token"}`},
		{"/api/v1/streaming/public?access_token=wrong", 401, `{"error":"Invalid access token"}`},
		{"/api/v1/streaming/nonsense?access_token=" + Token, 400, `{"error":"Unknown channel requested"}`},
		{"/api/v1/streaming/hashtag?access_token=" + Token, 400, `tag`},
		{"/api/v1/streaming/health", 200, "OK"},
		{"/health", 200, "OK"},
		{"/api/v2/instance", 200, `"streaming":"ws://`},
	} {
		if resp, page := get(t, s.URL()+tt.path); resp.StatusCode != tt.status || !strings.Contains(page, tt.says) {
			t.Errorf("%s: %s %s, want %d and %s", tt.path, resp.Status, page, tt.status, tt.says)
		}
	}
}

// TestTimelinePagesForward walks over all posts with min_id, as one who fills
// a gap.
func TestTimelinePagesForward(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Freeze()
	var want []uint64
	for seq := uint64(100); seq <= s.Head(); seq++ {
		if s.Posted(seq) {
			want = append(want, seq)
		}
	}
	var got []uint64
	for last := s.id(99); ; {
		resp, text := get(t, s.URL()+"/api/v1/timelines/public?limit=40&min_id="+strconv.FormatUint(last, 10))
		var page []struct {
			ID  string
			Seq uint64
		}
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		if len(page) > 40 || !strings.Contains(resp.Header.Get("Link"), `rel="prev"`) {
			t.Fatalf("%d posts, Link %s", len(page), resp.Header.Get("Link"))
		}
		slices.Reverse(page) // the newest comes first
		for _, p := range page {
			got = append(got, p.Seq)
			if seq, ok := s.Seq(p.ID); !ok || seq != p.Seq {
				t.Fatalf("the id %s of post %d is that of %d", p.ID, p.Seq, seq)
			}
			last, _ = strconv.ParseUint(p.ID, 10, 64)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d posts, want %d: %v", len(got), len(want), got[:min(20, len(got))])
	}
}

// TestTimelineNewest wants the newest page, and by its link the one before.
func TestTimelineNewest(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Freeze()
	resp, first := get(t, s.URL()+"/api/v1/timelines/public")
	link := regexp.MustCompile(`<([^>]*max_id[^>]*)>; rel="next"`).FindStringSubmatch(resp.Header.Get("Link"))
	if link == nil || strings.Count(first, `"edited_at"`) != 20 {
		t.Fatalf("Link %q, %d posts", resp.Header.Get("Link"), strings.Count(first, `"edited_at"`))
	}
	var a, b []struct{ Seq uint64 }
	_, second := get(t, link[1])
	if json.Unmarshal([]byte(first), &a) != nil || json.Unmarshal([]byte(second), &b) != nil || len(b) != 20 || b[0].Seq >= a[19].Seq {
		t.Errorf("the page behind %v is %v", a, b)
	}
}

func TestRestFaults(t *testing.T) {
	t.Parallel()
	s := start(t, "rest-limit=5*1")
	url := s.URL() + "/api/v1/timelines/public"
	if resp, page := get(t, url); resp.StatusCode != 429 || resp.Header.Get("X-RateLimit-Reset") == "" || !strings.Contains(page, "Too many requests") {
		t.Errorf("%s %s", resp.Status, page)
	}
	if err := s.SetFault("no-preview"); err != nil {
		t.Fatal(err)
	}
	if resp, _ := get(t, url); resp.StatusCode != 401 {
		t.Errorf("without a preview: %s", resp.Status)
	}
}

func TestRevoked(t *testing.T) {
	t.Parallel()
	s := start(t, "revoked*1")
	_, page := get(t, s.StreamURL()+"?access_token="+Token)
	if !strings.HasPrefix(page, ":)\n") || s.Connections()[0].End != "revoked" {
		t.Errorf("%.100q, %+v", page, s.Connections())
	}
}
