package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTwitterRefusals throws each fault that answers instead of a stream.
func TestTwitterRefusals(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault  string
		status int
		body   string
		header string // that must be there
	}{
		{"420", 420, "Exceeded connection limit for user", ""},
		{"calm", 420, "Enhance your calm", ""},
		{"exceeded", 200, "Exceeded connection limit for user\r\n", ""},
		{"401", 401, "Error 401 Unauthorized", "WWW-Authenticate"},
		{"403", 403, `"code":453`, ""},
		{"404", 404, "HTTP ERROR: 404", ""},
		{"410", 410, "HTTP ERROR: 410", ""},
		{"503=7", 503, "HTTP ERROR: 503", "Retry-After"},
		{"rate-limit=9", 429, `"code":88`, "Retry-After"},
		{"rate-limit=9", 429, `"code":88`, "X-Rate-Limit-Reset"},
		{"json-error=89", 401, `"code":89`, ""},
		{"html", 200, "<title>Free WiFi</title>", ""},
		{"redirect=https://elsewhere.example/", 302, "", "Location"},
		{"slow-headers=50ms", 200, "", ""},
		{"skew=7m", 401, "Unauthorized", "Date"},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			tw := startTwitter(t, TwitterConfig{Messages: 1})
			if err := tw.SetFault(tt.fault); err != nil {
				t.Fatal(err)
			}
			asked := asked(t, defaultSigner(), "GET", tw.StreamURL(), nil)
			if body := text(t, asked); asked.StatusCode != tt.status || !strings.Contains(body, tt.body) {
				t.Errorf("%d %q, want %d with %q", asked.StatusCode, body, tt.status, tt.body)
			}
			if tt.header != "" && asked.Header.Get(tt.header) == "" {
				t.Errorf("no %s in %v", tt.header, asked.Header)
			}
			if name, _, _ := strings.Cut(tt.fault, "="); tw.Fired(name) == 0 {
				t.Errorf("%s is not recorded as fired", name)
			}
		})
	}
}

func TestSkewedClockShowsInDate(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{Faults: []string{"skew=-7m"}})
	resp := asked(t, defaultSigner(), "GET", tw.StreamURL(), nil)
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if off := time.Until(date) + 7*time.Minute; err != nil || off.Abs() > time.Minute {
		t.Errorf("Date %q: %v off seven minutes, %v", resp.Header.Get("Date"), off, err)
	}
}

func TestNeverAnswers(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{Faults: []string{"never-answer"}})
	client := &http.Client{Timeout: 100 * time.Millisecond}
	_, err := client.Get(tw.StreamURL())
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("Get: %v, want a timeout", err)
	}
	eventually(t, "the request is over", func() bool { return len(tw.Attempts()) == 1 })
}

// TestTwitterBreaks throws each fault that ends a stream.
func TestTwitterBreaks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault, coding string
		whole         int // lines that arrive whole
		torn          bool
		end           error
		doubtful      int
	}{
		{"half-message=3", "", 3, true, errCut, 1},
		{"half-message=3", "gzip", 3, true, errCut, 1},
		{"truncated-gzip=3", "gzip", 3, true, errCut, 1},
		{"end=3", "", 3, false, io.EOF, 0},
		{"end=3", "gzip", 3, false, io.EOF, 0},
		{"disconnect=12", "", 1, false, io.EOF, 0},
		{"reset=3", "", -1, true, syscall.ECONNRESET, 0},
	} {
		t.Run(tt.fault+" "+tt.coding, func(t *testing.T) {
			t.Parallel()
			tw := startTwitter(t, TwitterConfig{Rate: 200})
			if err := tw.SetFault(tt.fault); err != nil {
				t.Fatal(err)
			}
			got, err := lines(t, asked(t, defaultSigner(), "GET", tw.StreamURL(), nil, "Accept-Encoding", tt.coding), 1000)
			if tt.end == errCut && !errors.Is(err, io.ErrUnexpectedEOF) || tt.end != errCut && !ended(err, tt.end) {
				t.Errorf("ended by %v, want %v", err, tt.end)
			}
			whole := 0
			for _, line := range got {
				if strings.HasSuffix(line, "\r\n") && json.Valid([]byte(line)) {
					whole++
				}
			}
			if tt.whole >= 0 && (whole < tt.whole || len(got)-whole > 1) {
				t.Errorf("%d whole lines of %d, want at least %d and at most one torn", whole, len(got), tt.whole)
			}
			name, _, _ := strings.Cut(tt.fault, "=")
			eventually(t, "the end is recorded", func() bool { return tw.Connections()[0].End == name })
			sent := tw.Sent()
			if tt.whole >= 0 && int(sent.Messages) != whole || len(sent.Doubtful) != tt.doubtful || tw.Fired(name) != 1 {
				t.Errorf("sent %+v, fired %d; %d whole lines arrived", sent, tw.Fired(name), whole)
			}
		})
	}
}

// TestTwitterOddities throws each fault that a client has to live with.
func TestTwitterOddities(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault, query string
		check        func(lines []string) bool
	}{
		{"garbage*1", "", func(l []string) bool { return slices.Contains(l, "{\"glued\":1}{\"glued\":2}\r\n") }},
		{"garbage=just this*1", "", func(l []string) bool { return slices.Contains(l, "just this\r\n") }},
		{"falling-behind*1", "?stall_warnings=true", func(l []string) bool { return strings.Contains(l[0], `"FALLING_BEHIND"`) }},
		{"lf", "", func(l []string) bool { return !strings.Contains(strings.Join(l, ""), "\r") }},
		{"lf-inside*1", "", func(l []string) bool { return !strings.HasSuffix(l[0], "\r\n") && json.Valid([]byte(l[0]+l[1])) }},
		{"oversize=300000*1", "", func(l []string) bool { return len(l[0]) == 300002 && json.Valid([]byte(l[0])) }},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			tw := startTwitter(t, TwitterConfig{Rate: 1000, Faults: []string{tt.fault}})
			got, err := lines(t, asked(t, defaultSigner(), "GET", tw.StreamURL()+tt.query, nil), 20)
			if err != nil || !tt.check(got) {
				t.Errorf("%v, %.300q", err, got)
			}
			if name, _, _ := strings.Cut(strings.Split(tt.fault, "*")[0], "="); tw.Fired(name) != 1 {
				t.Errorf("fired %d times, want once", tw.Fired(name))
			}
		})
	}
}

func TestStallAndSilentCanBeLifted(t *testing.T) {
	t.Parallel()
	for _, fault := range []string{"stall", "silent", "stall*1"} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			tw := startTwitter(t, TwitterConfig{Rate: 1000, Faults: []string{fault}})
			resp := asked(t, defaultSigner(), "GET", tw.StreamURL(), nil)
			name, _, _ := strings.Cut(fault, "*")
			eventually(t, "it has fired", func() bool { return tw.Fired(name) > 0 })
			if tw.Sent().Messages != 0 {
				t.Errorf("sent %d messages meanwhile", tw.Sent().Messages)
			}
			if err := tw.SetFault(); err != nil {
				t.Fatal(err)
			}
			if got, err := lines(t, resp, 3); err != nil || len(got) != 3 {
				t.Errorf("afterwards: %q, %v", got, err)
			}
		})
	}
}

func TestSetFaultRefuses(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{})
	for _, spec := range []string{"nonsense", "399", "600", "503*0", "503*x", "stall=1", "skew=soon", "half-message=x", ""} {
		if err := tw.SetFault(spec); err == nil {
			t.Errorf("SetFault(%q) was accepted", spec)
		}
	}
}

func TestFaultsByHTTP(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{Messages: 1})
	resp, err := http.PostForm(tw.URL()+"/sandbox/fault", url.Values{"fault": {"503*1"}})
	if err != nil || resp.StatusCode != 200 {
		t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
	for _, want := range []int{503, 200} {
		if resp := asked(t, defaultSigner(), "GET", tw.StreamURL(), nil); resp.StatusCode != want {
			t.Errorf("%s, want %d", resp.Status, want)
		}
	}
}
