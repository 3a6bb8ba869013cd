//go:build unix

package cmd_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// ticker is a server whose log tells the truth: a message every five
// milliseconds, each with its number, and when it served whom.
type ticker struct {
	server *httptest.Server
	began  time.Time
	events bool // server-sent events with ids, of which it remembers all

	mu     sync.Mutex // guards what follows
	mode   string     // "serve", "cut", "420", "503", "stall"
	drop   chan struct{}
	asks   int // requests
	live   int // connections being served
	served []served
}

// served is one connection on which messages came: from its first to its last.
type served struct{ from, to time.Time }

const tickEvery = 5 * time.Millisecond

func newTicker(t *testing.T, events bool) *ticker {
	t.Helper()
	k := &ticker{began: time.Now(), events: events, mode: "serve", drop: make(chan struct{})}
	k.server = httptest.NewServer(k)
	t.Cleanup(func() { k.set("cut"); k.server.Close() })
	return k
}

// set changes what happens to connections, present ones too.
func (k *ticker) set(mode string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.mode = mode
	close(k.drop)
	k.drop = make(chan struct{})
}

func (k *ticker) ask() (mode string, changed <-chan struct{}) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asks++
	return k.mode, k.drop
}

// state returns how many requests there were, and whether one is being served.
func (k *ticker) state() (mode string, asks int, live bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mode, k.asks, k.live > 0
}

func (k *ticker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mode, changed := k.ask()
	switch mode {
	case "cut":
		panic(http.ErrAbortHandler)
	case "420", "503":
		code, _ := strconv.Atoi(mode)
		w.WriteHeader(code)
		return
	case "stall":
		<-r.Context().Done()
		return
	}
	kind := "application/json"
	if k.events {
		kind = "text/event-stream"
	}
	w.Header().Set("Content-Type", kind)
	k.serve(w, r, changed)
	if mode, _, _ := k.state(); mode == "stall" {
		<-r.Context().Done() // the connection stands, and nothing comes
	}
	panic(http.ErrAbortHandler)
}

// serve sends what came since the id that is asked for, or what comes from now
// on, until somebody wants it to end.
func (k *ticker) serve(w http.ResponseWriter, r *http.Request, changed <-chan struct{}) {
	next := k.number()
	if id, err := strconv.Atoi(r.Header.Get("Last-Event-ID")); err == nil && k.events {
		next = id + 1
	}
	one := served{from: time.Now()}
	k.mu.Lock()
	k.live++
	k.mu.Unlock()
	defer func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.live--
		k.served = append(k.served, one)
	}()
	tick := time.NewTicker(tickEvery)
	defer tick.Stop()
	for {
		for ; next <= k.number(); next++ {
			text := fmt.Sprintf("{\"seq\":%d}\r\n", next)
			if k.events {
				text = fmt.Sprintf("id: %d\ndata: {\"seq\":%d}\n\n", next, next)
			}
			if _, err := w.Write([]byte(text)); err != nil {
				return
			}
		}
		if http.NewResponseController(w).Flush() != nil || r.Context().Err() != nil {
			return
		}
		one.to = time.Now()
		select {
		case <-changed:
			return
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// number is that of the newest message.
func (k *ticker) number() int { return int(time.Since(k.began)/tickEvery) + 1 }

// log returns what was served, in order; the connection of now is not in it.
func (k *ticker) log() []served {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]served(nil), k.served...)
}

// tickerWorld is a directory in which a grabber captures from k.
func tickerWorld(t *testing.T, k *ticker, more ...string) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir()}
	w.store = w.dir + "/store"
	keys := map[string]string{
		"stream_url": k.server.URL + "/stream", "stream_auth": "none", "grabber_cut_size": "8", "grabber_retries": "1000",
		"grabber_stall_timeout": "2s", "grabber_backoff_network": "50ms-200ms", "grabber_backoff_http": "50ms-200ms",
		"grabber_backoff_rate_limit": "50ms-200ms",
	}
	for i := 0; i+1 < len(more); i += 2 {
		keys[more[i]] = more[i+1]
	}
	var err error
	if w.config, err = sandbox.WriteConfig(w.dir, nil, nil, keys); err != nil {
		t.Fatal(err)
	}
	return w
}

// coverageReport is the answer of 'grabber coverage --json', read here by itself.
type coverageReport struct {
	From           time.Time `json:"from"`
	To             time.Time `json:"to"`
	CoveredPercent float64   `json:"covered_percent"`
	CoveredSeconds float64   `json:"covered_seconds"`
	Seconds        float64   `json:"seconds"`
	Messages       uint64    `json:"messages"`
	Running        bool      `json:"running"`
	Gaps           []struct {
		From, To time.Time
		Seconds  float64
		Reason   string
		Filled   bool
	} `json:"gaps"`
}

func (w *world) coverage(args ...string) (r coverageReport) {
	w.t.Helper()
	code, out := w.run("grabber", append([]string{"coverage", "--json"}, args...)...)
	if code != 0 {
		w.t.Fatalf("grabber coverage exited %d:\n%s", code, out)
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		w.t.Fatalf("grabber coverage --json: %v\n%s", err, out)
	}
	return r
}

// pass lets time pass on purpose: how long an outage takes is what the test is
// about.
func pass(d time.Duration) { <-time.After(d) }

// outage is a gap as the server saw it, and why it came.
type outage struct {
	from, to time.Time
	reason   string
}

// faults are what a server does to a capture, and how the book calls it.
var faults = map[string]string{"cut": "network", "420": "rate limited", "503": "refused", "stall": "stalled"}

const (
	up   = 700 * time.Millisecond  // at least, between two outages
	down = 1500 * time.Millisecond // an outage takes so long, more or less
)

// campaign breaks a capture in every way there is, kills it ten times, and
// returns the outages by the server's own log.
func (w *world) campaign(k *ticker) (truth []outage) {
	w.t.Helper()
	var reasons []string
	p := w.capturing()
	for i := range 10 {
		p.kill()
		pass(down)
		p = w.capturing()
		reasons = append(reasons, "not running")
		if fault := []string{"cut", "420", "503", "stall"}; i%2 == 1 && i/2 < len(fault) {
			w.suffer(k, fault[i/2])
			reasons = append(reasons, faults[fault[i/2]])
		}
	}
	p.stop()
	pass(down)
	p = w.capturing()
	reasons = append(reasons, "stopped")
	p.stop()
	eventually(w.t, "the last connection is over", func() bool { _, _, live := k.state(); return !live })
	log := k.log()
	if len(log) != len(reasons)+1 {
		w.t.Fatalf("%d connections were served, want %d: %v", len(log), len(reasons)+1, log)
	}
	for i, why := range reasons {
		truth = append(truth, outage{log[i].to, log[i+1].from, why})
	}
	return truth
}

// capturing starts a grabber and returns when it has captured for a while.
func (w *world) capturing() *proc {
	w.t.Helper()
	p := w.start("grabber")
	eventually(w.t, "the grabber captures", func() bool {
		var s struct{ PID, Messages int }
		return readStatus(w.t, w.store, "grabber", &s) && s.PID == p.pid() && s.Messages > 0
	})
	pass(up)
	return p
}

// suffer lets the server do something to the connection and to those that
// follow, and returns when one has served for a while again.
func (w *world) suffer(k *ticker, fault string) {
	w.t.Helper()
	_, before, _ := k.state()
	k.set(fault)
	pass(down)
	eventually(w.t, "the grabber has seen it", func() bool { _, asks, live := k.state(); return asks > before && !live })
	k.set("serve")
	eventually(w.t, "it is served again", func() bool { _, _, live := k.state(); return live })
	pass(up)
}

// near reports whether two times are the same to within a second.
func near(a, b time.Time) bool { return a.Sub(b).Abs() <= time.Second }

// compare fails unless the gaps of the book are the outages. A gap may be told
// in several pieces, of which the longest has the reason.
func compare(t *testing.T, r coverageReport, truth []outage, filled bool) {
	t.Helper()
	gaps := r.Gaps
	for _, o := range truth {
		var from, to time.Time
		longest, reason := 0.0, ""
		for len(gaps) > 0 && gaps[0].From.Before(o.to) {
			g := gaps[0]
			gaps = gaps[1:]
			if from.IsZero() {
				from = g.From
			}
			if g.Seconds > longest {
				longest, reason = g.Seconds, g.Reason
			}
			if to = g.To; g.Filled != filled {
				t.Errorf("the gap of %v (%s) is filled: %v, want %v", g.From, g.Reason, g.Filled, filled)
			}
		}
		if !near(from, o.from) || !near(to, o.to) || reason != o.reason {
			t.Errorf("outage %v to %v (%s)\n got gap %v to %v (%s)", o.from, o.to, o.reason, from, to, reason)
		}
		t.Logf("%-12s %7v, the book says %7v; off by %v and %v", o.reason, o.to.Sub(o.from).Round(time.Millisecond),
			to.Sub(from).Round(time.Millisecond), from.Sub(o.from).Round(time.Millisecond), to.Sub(o.to).Round(time.Millisecond))
	}
	for _, g := range gaps {
		t.Errorf("a gap that never was: %v to %v (%s)", g.From, g.To, g.Reason)
	}
}

// TestCoverageIsTheTruth kills and breaks captures of a source that cannot
// resume: the gaps in the book are those of the server's own log.
func TestCoverageIsTheTruth(t *testing.T) {
	t.Parallel()
	k := newTicker(t, false)
	w := tickerWorld(t, k)
	truth := w.campaign(k)
	stopped := time.Now()
	r := w.coverage("--to", stopped.Format(time.RFC3339Nano))
	last := k.log()[len(k.log())-1].to
	compare(t, r, append(truth, outage{last, stopped, "stopped"}), false)
	if !near(r.From, k.log()[0].from) {
		t.Errorf("the book begins at %v, the capture at %v", r.From, k.log()[0].from)
	}
	w.checksOut()
}

// TestCoverageFilled does the same to a source that resumes: every gap was
// filled, and says so.
func TestCoverageFilled(t *testing.T) {
	t.Parallel()
	k := newTicker(t, true)
	w := tickerWorld(t, k)
	truth := w.campaign(k)
	inTheLast := k.log()[len(k.log())-1].to.Add(-300 * time.Millisecond)
	r := w.coverage("--to", inTheLast.Format(time.RFC3339Nano))
	compare(t, r, truth, true)
	if r.CoveredPercent != 100 {
		t.Errorf("%v %% are covered, want 100", r.CoveredPercent)
	}
	var next uint64
	for _, line := range lines(t, w.captured()) { // the book says that all of it is there
		if seq := seqOf(t, line); next != 0 && seq != next {
			t.Fatalf("message %d comes where %d should", seq, next)
		} else {
			next = seq + 1
		}
	}
	w.checksOut()
}

// checksOut fails unless each finished file has its line in the book, and
// 'daemon check' finds the book whole.
func (w *world) checksOut() {
	w.t.Helper()
	sums := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(w.store, "ledger", "captured-*.ndjson"))
	if err != nil || len(paths) == 0 {
		w.t.Fatalf("no captured book: %v", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			w.t.Fatal(err)
		}
		for line := range bytes.Lines(data) {
			var f struct{ Kind, Name, SHA256 string }
			if err := json.Unmarshal(line, &f); err != nil {
				w.t.Errorf("the book has a line that is none: %v\n%s", err, line)
			}
			sums[f.Name] = f.SHA256
		}
	}
	for _, name := range w.finished() {
		data, err := os.ReadFile(filepath.Join(w.store, name))
		if err != nil {
			w.t.Fatal(err)
		}
		if sum := sha256.Sum256(data); sums[name] != hex.EncodeToString(sum[:]) {
			w.t.Errorf("%s has the sha256 %x, the book says %q", name, sum, sums[name])
		}
	}
	if code, out := w.run("daemon", "check"); !strings.Contains(out, "captured book") || strings.Contains(out, "damage") {
		w.t.Errorf("daemon check (exit %d) says of the book:\n%s", code, out)
	}
}
