package stream

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestControlKind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{`{"created_at":"x","id":1}`, ""},
		{`{"id":1,"text":"x","delete":{}}`, "delete"},
		{`{"delete":{"status":{"id":1}}}`, "delete"},
		{` { "delete" : {"status":{}}}`, "delete"},
		{`{"timestamp_ms":"1,}\"","delete":{}}`, "delete"},
		{`{"a":1,"b":null,"c":true,"d":"x","delete":{}}`, ""},
		{`{"user":{},"delete":{}}`, ""},
		{`{"delete":1}`, ""},
		{`{"delete":null}`, ""},
		{`{"scrub_geo":{}}`, "scrub_geo"}, {`{"limit":{}}`, "limit"}, {`{"status_withheld":{}}`, "status_withheld"},
		{`{"user_withheld":{}}`, "user_withheld"}, {`{"disconnect":{}}`, "disconnect"}, {`{"warning":{}}`, "warning"},
		{`{"friends":[]}`, "friends"}, {`{"friends_str":[]}`, "friends_str"}, {`{"event":"follow"}`, "event"},
		{`{"for_user":"1","message":{"delete":{}}}`, "for_user"}, {`{"control":{}}`, "control"}, {`{"direct_message":{}}`, "direct_message"},
		{`{"data":{"id":"1"}}`, ""}, {`{"did":"x","event":"y"}`, ""},
		{`{}`, ""}, {`{ }`, ""}, {`{"a":1}`, ""}, {`{"\u0064elete":{}}`, ""}, {`{"":""}`, ""}, {`{"a":"}`, ""},
	} {
		if got := controlKind([]byte(c.in)); got != c.want {
			t.Errorf("controlKind(%s) = %q, want %q", c.in, got, c.want)
		}
	}
}

func FuzzControlKind(f *testing.F) {
	for _, seed := range validSeeds() {
		f.Add(seed)
	}
	f.Add([]byte(`{"timestamp_ms":"1","delete":{}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		if isMessage(in) {
			controlKind(in) // must not panic
		}
	})
}

func TestRealControlMessages(t *testing.T) {
	t.Parallel()
	got := map[string]int{}
	for _, line := range realData(t, "tweets-v11-control.jsonl") {
		got[controlKind(line)]++
	}
	want := map[string]int{
		"": 1, "limit": 1, "scrub_geo": 1, "delete": 3, "disconnect": 4, "control": 1, "friends": 2,
		"for_user": 1, "event": 1, "warning": 1, "status_withheld": 1, "user_withheld": 1,
	}
	if !maps.Equal(got, want) {
		t.Errorf("kinds are %v, want %v", got, want)
	}
}

// The counter of limit messages is that of a connection: its growth counts.
func TestUndelivered(t *testing.T) {
	t.Parallel()
	track := func(n any) string { return fmt.Sprintf("{\"limit\":{\"track\":%v,\"timestamp_ms\":\"1\"}}\r\n", n) }
	s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		send(w, track(5), track(6), track(3), track(-1), track(`"x"`), track(10))
	}))
	for i, want := range []uint64{10, 20} {
		got, _ := drain(t, t.Context(), s)
		if c := s.Counts(); c.Undelivered != want || len(got) != 6 || c.Control["limit"] != uint64(6*(i+1)) {
			t.Errorf("after connection %d: %+v and %d messages, want %d undelivered, 6 messages", i+1, c, len(got), want)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	var notes notices
	warning := `{"warning":{"code":"FALLING_BEHIND","message":"Your queue is now over 60% full.\u001b[2J","percent_full":60}}`
	s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) { send(w, warning+"\r\n") }), func(cfg *Config) { cfg.Notice = notes.notice })
	got, _ := drain(t, t.Context(), s)
	equal(t, "messages", got, []string{warning})
	want := `FALLING_BEHIND: Your queue is now over 60% full.\x1b[2J`
	if c := s.Counts(); c.Warning != want || c.Control["warning"] != 1 || !notes.has("warning: "+want) {
		t.Errorf("counts %+v, notices %q; want the warning %q", c, notes.all, want)
	}
}

func TestDisconnectCodes(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]Kind{
		1: Network, 2: RateLimit, 3: Network, 4: Network, 5: Network, 6: Credentials, 7: RateLimit,
		8: Network, 9: Network, 10: Network, 11: Network, 12: Network, 13: Network,
	} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			t.Parallel()
			message := fmt.Sprintf(`{"disconnect":{"code":%d,"stream_name":"s","reason":"so it is"}}`, code)
			var notes notices
			s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) { send(w, "{\"a\":1}\r\n", message+"\r\n{\"b\":2}\r\n") }),
				func(cfg *Config) { cfg.Notice = notes.notice })
			got, end := drain(t, t.Context(), s)
			equal(t, "messages", got, []string{`{"a":1}`, message, `{"b":2}`})
			if end.Kind != want || end.Messages != 2 || !strings.Contains(end.Error(), fmt.Sprintf("code %d", code)) || !strings.Contains(end.Error(), "so it is") {
				t.Errorf("end is %v (%+v), want kind %d and 2 messages besides", end, end, want)
			}
			if c := s.Counts(); c.Control["disconnect"] != 1 || !strings.Contains(c.Warning, "so it is") || !notes.has("disconnect: "+c.Warning) {
				t.Errorf("counts %+v, notices %q; want the disconnect message", c, notes.all)
			}
			// It says nothing about the next connection.
			s.lines.reset(false)
			if _, again := drain(t, t.Context(), s); again.Kind != want {
				t.Errorf("second end is %v", again)
			}
		})
	}
}

// A disconnect message in the very bytes of the end still decides.
func TestDisconnectAtTheEnd(t *testing.T) {
	t.Parallel()
	s := newSource(t, rawServer(t,
		"HTTP/1.0 200 OK\r\n\r\n{\"disconnect\":{\"code\":7,\"reason\":\"admin logout\"}}",
		"HTTP/1.0 200 OK\r\n\r\n{\"a\":1}\r\n"))
	if _, end := drain(t, t.Context(), s); end.Kind != RateLimit || end.Error() != "read "+s.url()+": disconnected by the server, code 7, admin logout" {
		t.Errorf("end is %v (%+v), want a rate limit", end, end)
	}
	if _, end := drain(t, t.Context(), s); end.Kind != Network {
		t.Errorf("the end of the next connection is %v, want Network", end)
	}
}

// What the server says to take its leave does not prove that it streams.
func TestFarewellIsNoMessageOfTheConnection(t *testing.T) {
	t.Parallel()
	s := newSource(t, rawServer(t,
		"HTTP/1.0 200 OK\r\n\r\n{\"disconnect\":{\"code\":6}}\r\n",
		"HTTP/1.0 200 OK\r\n\r\n{\"a\":1}\r\n{\"disconnect\":{\"code\":6}}\r\n"))
	for i, want := range [][]bool{{true}, {false, true}} {
		for _, dismissed := range want {
			message, err := s.Next(t.Context())
			if got := s.Counts().Dismissed; err != nil || got != dismissed {
				t.Errorf("after %s (%v) of connection %d: dismissed %t, want %t", message, err, i, got, dismissed)
			}
		}
		_, end := drain(t, t.Context(), s)
		if c := s.Counts(); end.Kind != Credentials || end.Messages != uint64(i) || c.Dismissed {
			t.Errorf("end of connection %d is %+v, dismissed %t; want Credentials, %d messages, not", i, end, c.Dismissed, i)
		}
	}
	if got := s.Counts().Messages; got != 3 {
		t.Errorf("%d messages counted, want all 3", got)
	}
}

// Whoever says that it will close has a moment to do so, keep-alives or not.
func TestServerThatDoesNotClose(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]string{
		"disconnect": "{\"disconnect\":{\"code\":7,\"reason\":\"\"}}\r\n",
		"connection": "Exceeded connection limit for user\r\n",
		"turbo":      "Easy there, Turbo. Too many requests recently. Enhance your calm.\n",
		"silent":     "{\"a\":1}\r\nENHANCE YOUR CALM\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := bubble(t, 0, func(w io.Writer) {
					for write(w, said) && name != "silent" {
						time.Sleep(time.Second)
					}
					time.Sleep(time.Hour)
				})
				began := time.Now()
				_, end := drain(t, t.Context(), s)
				if took := time.Since(began); end.Kind != RateLimit || took > lastWords || took < lastWords-time.Second {
					t.Errorf("end is %v (%+v) after %v, want a rate limit after %v", end, end, took, lastWords)
				}
				if name != "disconnect" && end.Status != 420 {
					t.Errorf("status is %d, want 420", end.Status)
				}
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// Posts that quote the words are no refusal.
func TestQuotedWordsAreNoRateLimit(t *testing.T) {
	t.Parallel()
	s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		send(w, "{\"text\":\"Enhance your calm\"}\r\n{\"text\":\"Exceeded connection limit for user\r\n")
	}))
	if _, end := drain(t, t.Context(), s); end.Kind != Network {
		t.Errorf("end is %v, want Network", end)
	}
}

func TestNoticesOfDrops(t *testing.T) {
	t.Parallel()
	var notes notices
	s := newSource(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		send(w, "{\"a\":1}\r\nfoo\x00bar\r\n"+fit(101)+"\r\n{\"b\":2}\r\n{\"torn")
	}), func(cfg *Config) { cfg.Notice, cfg.MaxMessage = notes.notice, 100 })
	got, _ := drain(t, t.Context(), s)
	equal(t, "messages", got, []string{`{"a":1}`, `{"b":2}`})
	if c := s.Counts(); c.Garbage != 1 || c.Oversize != 1 || c.Torn != 1 {
		t.Errorf("counts are %+v, want one of each", c)
	}
	equal(t, "notices", notes.all, []string{
		"connected: " + s.url() + " by HTTP/1.1", `garbage: foo\x00bar`,
		"oversize: a message of more than 100 bytes: " + fit(101),
	})
}
