package sinktest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// WebNode is a minimal web node on a loopback port, for tests: it stores what
// it gets, answers as web-core does (README; webcore/), and does what it is
// told to do wrong. It shares no code with the client.
type WebNode struct {
	URL string

	// Passphrase derives the keys; Era2014 answers the plain hash alone.
	Passphrase string
	Era2014    bool

	mu     sync.Mutex
	faults []Fault
	rule   func(name string, size int64) Fault
	puts   []Stored
	tries  int
	kept   map[string][]byte // content by file hash
	open   map[string]int    // names being sent
	clash  []string
	done   chan struct{}
}

// Stored is one object that the node took, or read and refused.
type Stored struct {
	Name, Token, Agent string
	Content            []byte // nil when Discard
	Size               int64
	Taken              bool
}

// NewWebNode starts a node that stops with the test.
func NewWebNode(t testing.TB) *WebNode {
	n := &WebNode{
		Passphrase: "Something old, something new.",
		kept:       map[string][]byte{}, open: map[string]int{}, done: make(chan struct{}),
	}
	server := httptest.NewServer(n)
	n.URL = server.URL + "/api/upload"
	t.Cleanup(func() {
		close(n.done)
		server.CloseClientConnections()
		server.Close()
	})
	return n
}

// Fail queues faults for the next puts, one each.
func (n *WebNode) Fail(faults ...Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = append(n.faults, faults...)
}

// Left returns how many queued faults have not come to pass.
func (n *WebNode) Left() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.faults)
}

// Rule decides each put's fault once no queued one is left; nil is none.
func (n *WebNode) Rule(rule func(name string, size int64) Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.rule = rule
}

// Puts returns what came whole, in order.
func (n *WebNode) Puts() []Stored {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]Stored(nil), n.puts...)
}

// Tries returns how many uploads were begun.
func (n *WebNode) Tries() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.tries
}

// Content returns the plain content behind a file hash.
func (n *WebNode) Content(hash string) ([]byte, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	b, ok := n.kept[hash]
	return b, ok
}

// Clashes returns the names that were in flight twice at a time, which would
// have corrupted each other on web-core.
func (n *WebNode) Clashes() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.clash
}

// ServeHTTP implements http.Handler.
func (n *WebNode) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		n.readBack(w, r)
		return
	}
	if r.Method != http.MethodPost || r.URL.Path != "/api/upload" {
		http.NotFound(w, r)
		return
	}
	if r.ContentLength < 0 {
		http.Error(w, "length required", http.StatusLengthRequired) // as Flask: no chunks
		return
	}
	form, err := r.MultipartReader()
	if err != nil {
		http.Error(w, "no form", http.StatusBadRequest)
		return
	}
	n.mu.Lock()
	n.tries++
	n.mu.Unlock()
	got := Stored{Agent: r.UserAgent()}
	for {
		part, err := form.NextPart()
		if err != nil {
			return // the client went away
		}
		if part.FormName() == "token" {
			token, _ := io.ReadAll(io.LimitReader(part, 4096)) // a cut shows at the next part
			got.Token = string(token)
			continue
		}
		got.Name = part.FileName()
		n.file(w, r, part, got)
		return
	}
}

func (n *WebNode) file(w http.ResponseWriter, r *http.Request, part io.Reader, got Stored) {
	fault := n.enter(got.Name, r.ContentLength)
	defer n.leave(got.Name)
	if fault.Early {
		refuse(w, fault)
		reset(w)
		return
	}
	content, err := n.read(part, r.ContentLength, fault)
	if errors.Is(err, errReset) {
		reset(w)
		return
	}
	if err != nil {
		return
	}
	got.Content, got.Size = content, int64(len(content))
	n.answer(w, got, fault)
}

func (n *WebNode) answer(w http.ResponseWriter, got Stored, fault Fault) {
	got.Taken = fault.Status == 0 && fault.Lie == ""
	answer := n.keep(got)
	switch {
	case fault.Status != 0:
		refuse(w, fault)
	case fault.Lie != "":
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, n.lie(fault.Lie, got.Content, answer))
	case fault.LoseAnswer:
		reset(w)
	default:
		w.WriteHeader(http.StatusCreated)
		json.NewEncoder(w).Encode(answer)
	}
}

func (n *WebNode) enter(name string, size int64) (fault Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open[name]++; n.open[name] > 1 {
		n.clash = append(n.clash, name)
	}
	switch {
	case len(n.faults) > 0:
		fault, n.faults = n.faults[0], n.faults[1:]
	case n.rule != nil:
		fault = n.rule(name, size)
	}
	return fault
}

func (n *WebNode) leave(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open[name]--
}

var errReset = errors.New("reset")

func (n *WebNode) read(part io.Reader, size int64, fault Fault) ([]byte, error) {
	var got bytes.Buffer
	buf := make([]byte, 16<<10)
	for {
		k, err := part.Read(buf)
		got.Write(buf[:k])
		share := float64(got.Len()) / float64(max(size, 1))
		if err == io.EOF {
			share = 1
		}
		switch {
		case fault.CutAt > 0 && share >= fault.CutAt:
			return nil, errReset
		case fault.Stall > 0 && share >= fault.Stall:
			<-n.done
			return nil, errReset
		case err == io.EOF:
			return got.Bytes(), nil
		case err != nil:
			return nil, err
		}
		if fault.Slow > 0 {
			select {
			case <-time.After(fault.Slow):
			case <-n.done:
			}
		}
	}
}

// keep remembers a put and returns what web-core would answer.
func (n *WebNode) keep(got Stored) map[string]string {
	key, hash, _ := seal(n.Passphrase, got.Content)
	answer := map[string]string{"filehash": hash, "key": key}
	if n.Era2014 {
		sum := sha256.Sum256(got.Content)
		answer = map[string]string{"filehash": hex.EncodeToString(sum[:])}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.puts = append(n.puts, got)
	if got.Taken {
		n.kept[answer["filehash"]] = got.Content
	}
	return answer
}
