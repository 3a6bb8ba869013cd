package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// NodeFaults are the faults that a node knows, beside the error statuses 400
// to 599 by their number.
func NodeFaults() []Fault {
	return []Fault{
		fault.New("lie", "", "answers 201 with hash and key of something else, and keeps nothing"),
		fault.New("lie-short", "", "answers 201 with hash and key of an empty file, and keeps nothing"),
		fault.New("html", "", "answers 201 with a page of HTML"),
		fault.New("upload-error", "", "is full: answers 500 upload-error"),
		fault.New("balance", "", "wants payment: answers 402 balance-insufficient"),
		fault.New("reset-after-body", "", "keeps the file and resets the connection instead of answering"),
		fault.New("cut", "", "closes the connection in the middle of the body"),
		fault.New("slow", "number of bytes a second", "reads slowly (65536)"),
		fault.New("slow-answer", "duration", "answers only after a while (5s)"),
		fault.New("never-answer", "", "keeps the file and never answers"),
		fault.New("redirect", "URL", "answers 302"),
		fault.New("flaky", "probability", "answers 503 that often (0.3)"),
		fault.New("poison", "substring of a name", "answers 400 to such names"),
		fault.New("poison-413", "substring of a name", "answers 413 to such names"),
		fault.New("other-passphrase", "text", "encrypts by another passphrase"),
		fault.New("plain-era", "", "does not encrypt and names no key, as before May 2014"),
	}
}

// chance is a sequence of throws that is the same in each run.
type chance struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newChance() *chance { return &chance{rng: rand.New(rand.NewPCG(1, 2))} }

func (c *chance) hit(p float64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rng.Float64() < p
}

// early does what happens before a body has been read whole.
func (n *Node) early(w *wire.Recorder, r *http.Request) (fault string, done bool) {
	if to, on := n.faults.Take("redirect"); on {
		if to == "" {
			to = "https://node.example.com/api/upload"
		}
		http.Redirect(w, r, to, http.StatusFound)
		return "redirect", true
	}
	if status, retryAfter, on := n.faults.TakeStatus(); on {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		_, _ = io.Copy(io.Discard, r.Body) // as an application behind a proxy: the answer comes, not a reset
		if status == http.StatusPaymentRequired {
			wire.AnswerJSON(w, status, map[string]string{"error": "balance-insufficient"})
		} else {
			flaskPage(w, status)
		}
		return strconv.Itoa(status), true
	}
	if _, on := n.faults.Take("cut"); on {
		_, _ = io.CopyN(io.Discard, r.Body, r.ContentLength/2)
		hangUp(w, false)
		return "cut", true
	}
	return "", false
}

// late answers wrongly when a body has been read; "" for none.
func (n *Node) late(w http.ResponseWriter, r *http.Request, rc *received) string {
	if arg, on := n.faults.Take("slow-answer"); on {
		select {
		case <-time.After(fault.Duration(arg, 5*time.Second)):
		case <-r.Context().Done():
		case <-n.closed:
		}
	}
	for _, poison := range []struct {
		name   string
		status int
	}{{"poison", http.StatusBadRequest}, {"poison-413", http.StatusRequestEntityTooLarge}} {
		if part, on := n.faults.Peek(poison.name); on && strings.Contains(rc.name, part) {
			n.faults.Take(poison.name)
			flaskPage(w, poison.status)
			return poison.name
		}
	}
	if p, on := n.faults.Peek("flaky"); on {
		often, err := strconv.ParseFloat(p, 64)
		if err != nil {
			often = 0.3
		}
		if n.chance.hit(often) {
			n.faults.Take("flaky")
			flaskPage(w, http.StatusServiceUnavailable)
			return "flaky"
		}
	}
	return n.refuse(w, r, rc)
}

func (n *Node) refuse(w http.ResponseWriter, r *http.Request, rc *received) string {
	take := func(name string) bool { _, on := n.faults.Take(name); return on }
	switch {
	case take("lie"):
		answerUpload(w, randomHash(), randomHash())
		return "lie"
	case take("lie-short"):
		empty := sha256.Sum256(nil)
		answerUpload(w, hex.EncodeToString(empty[:]), hex.EncodeToString(objectKey(n.cfg.Passphrase, empty)))
		return "lie-short"
	case take("html"):
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, "<!doctype html><title>Welcome</title><p>Please accept our terms.")
		return "html"
	case take("upload-error"):
		wire.AnswerJSON(w, http.StatusInternalServerError, map[string]string{"error": "upload-error"})
		return "upload-error"
	case take("balance"):
		wire.AnswerJSON(w, http.StatusPaymentRequired, map[string]string{"error": "balance-insufficient"})
		return "balance"
	case take("reset-after-body"):
		_, _, _ = n.keep(rc) // kept or not, the client cannot know
		hangUp(w, true)
		return "reset-after-body"
	case take("never-answer"):
		_, _, _ = n.keep(rc)
		select {
		case <-r.Context().Done():
		case <-n.closed:
		}
		hangUp(w, false)
		return "never-answer"
	}
	return ""
}

// hangUp ends the connection without an answer.
func hangUp(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	switch {
	case err != nil:
		panic(http.ErrAbortHandler)
	case reset:
		wire.ResetConn(conn)
	default:
		conn.Close()
	}
}

// slowed returns body, reading it slowly if that fault is on, until the faults
// are set anew.
func (n *Node) slowed(body io.Reader) io.Reader {
	setting := n.faults.Setting()
	arg, on := n.faults.Take("slow")
	if !on {
		return body
	}
	rate, err := strconv.Atoi(arg)
	if err != nil {
		rate = 64 << 10
	}
	return &slowReader{body, n, max(rate, 1), setting}
}

type slowReader struct {
	r       io.Reader
	n       *Node
	rate    int // bytes a second
	setting uint64
}

// Read gives a fiftieth of a second's bytes at a time.
func (s *slowReader) Read(p []byte) (int, error) {
	changed := s.n.faults.Changed()
	if s.n.faults.Setting() != s.setting {
		return s.r.Read(p)
	}
	got, err := s.r.Read(p[:min(len(p), max(s.rate/50, 1))])
	timer := time.NewTimer(time.Duration(float64(got) / float64(s.rate) * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-changed:
	case <-s.n.closed:
	}
	return got, err
}
