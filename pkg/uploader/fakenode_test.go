package uploader

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
)

// putCall is one Put that the fake node saw.
type putCall struct {
	name string
	at   time.Duration // since the node was made
}

// fakeNode takes what answer lets through.
type fakeNode struct {
	answer func(name string, call int) error // nil error: taken
	takes  time.Duration

	mu    sync.Mutex
	start time.Time
	calls []putCall
	each  map[string]int
	taken []string
	now   map[string]int // in flight, by name
	most  int            // in flight at once
	clash bool
}

func newNode(answer func(name string, call int) error) *fakeNode {
	return &fakeNode{answer: answer, start: time.Now(), each: map[string]int{}, now: map[string]int{}, takes: time.Millisecond}
}

func (n *fakeNode) Put(ctx context.Context, obj sink.Object) (sink.Receipt, error) {
	content, err := io.ReadAll(io.NewSectionReader(obj.Content, 0, obj.Size))
	if err != nil {
		return sink.Receipt{}, err
	}
	call := n.enter(obj.Name)
	defer n.leave(obj.Name)
	if obj.Progress != nil {
		obj.Progress(len(content))
	}
	select {
	case <-ctx.Done():
		return sink.Receipt{}, ctx.Err()
	case <-time.After(n.takes):
	}
	if n.answer != nil {
		if err := n.answer(obj.Name, call); err != nil {
			return sink.Receipt{}, err
		}
	}
	if sha256.Sum256(content) != obj.SHA256 {
		return sink.Receipt{}, refusal(obj.Name, sink.Changed, 0)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.taken = append(n.taken, obj.Name)
	return sink.Receipt{Sink: "fake", URL: fakeURL, FileHash: hex.EncodeToString(obj.SHA256[:]), Key: strings.Repeat("ab", 32)}, nil
}

func (n *fakeNode) enter(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = append(n.calls, putCall{name, time.Since(n.start)})
	n.each[name]++
	n.now[name]++
	n.clash = n.clash || n.now[name] > 1
	n.most = max(n.most, len(n.now))
	return n.each[name]
}

func (n *fakeNode) leave(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.now[name]--; n.now[name] == 0 {
		delete(n.now, name)
	}
}

func (n *fakeNode) seen() []putCall {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.calls)
}

func (n *fakeNode) tries(name string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.each[name]
}

func refusal(name string, kind sink.Kind, status int) *sink.Error {
	return &sink.Error{Kind: kind, URL: fakeURL, Name: name, Status: status, Err: errText{kind, status}}
}

type errText struct {
	kind   sink.Kind
	status int
}

func (e errText) Error() string { return "refused" }

// stuckNode never answers for one name.
type stuckNode struct {
	*fakeNode
	name string
}

func (n *stuckNode) Put(ctx context.Context, obj sink.Object) (sink.Receipt, error) {
	if obj.Name == n.name {
		<-ctx.Done()
		return sink.Receipt{}, ctx.Err()
	}
	return n.fakeNode.Put(ctx, obj)
}
