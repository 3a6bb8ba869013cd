package storj

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"storj.io/uplink"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

var errNetwork = errors.New("metainfo: rpc: tcp connector failed")

// node is a bucket of a network that is a map, and does wrong when told so.
type node struct {
	*Bucket
	net *fakeNetwork
}

func newNode(t testing.TB) *node {
	t.Helper()
	n := &node{net: &fakeNetwork{objects: map[string]*fakeObject{}, once: map[string]*fakeObject{}, done: make(chan struct{})}}
	var err error
	n.Bucket, err = New(Config{URL: "sj://archive/a/dt=1", Timeout: 30 * time.Second, Access: func() (string, error) { return "grant", nil }})
	if err != nil {
		t.Fatal(err)
	}
	n.dial = func(context.Context, string) (project, error) { return n.net, nil }
	t.Cleanup(func() {
		close(n.net.done)
		n.Close()
	})
	return n
}

func (n *node) Put(ctx context.Context, obj sink.Object) (sink.Receipt, error) {
	n.net.mu.Lock()
	n.net.size = obj.Size
	n.net.mu.Unlock()
	return n.Bucket.Put(ctx, obj)
}

func (n *node) Fail(faults ...sinktest.Fault) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	n.net.faults = append(n.net.faults, faults...)
}

func (n *node) Left() int {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	return len(n.net.faults)
}

func (n *node) Refusals() []sinktest.Refusal {
	var all []sinktest.Refusal
	for err, kind := range map[error]sink.Kind{
		uplink.ErrTooManyRequests: sink.Temporary, errNetwork: sink.Temporary,
		uplink.ErrPermissionDenied:     sink.Credentials,
		uplink.ErrStorageLimitExceeded: sink.Pause, uplink.ErrSegmentsLimitExceeded: sink.Pause, uplink.ErrBandwidthLimitExceeded: sink.Pause,
		uplink.ErrBucketNotFound: sink.Misdirected, uplink.ErrObjectKeyInvalid: sink.Permanent,
	} {
		for _, early := range []bool{false, true} {
			all = append(all, sinktest.Refusal{Name: err.Error(), Kind: kind, Fault: sinktest.Fault{Err: err, Early: early}})
		}
	}
	return all
}

// Content finds a receipt's object. Nothing may be open.
func (n *node) Content(r sink.Receipt) ([]byte, bool) {
	n.net.mu.Lock()
	defer n.net.mu.Unlock()
	object := n.net.objects["a/dt=1/"+r.Object]
	if object == nil || n.net.open > 0 {
		return nil, false
	}
	return object.content, true
}

// fakeNetwork is a project with one bucket.
type fakeNetwork struct {
	mu      sync.Mutex // guards what follows
	objects map[string]*fakeObject
	once    map[string]*fakeObject // what is there for the next look alone
	faults  []sinktest.Fault
	size    int64 // of the object being put
	open    int   // uploads that are neither committed nor aborted
	done    chan struct{}
}

type fakeObject struct {
	content []byte
	custom  uplink.CustomMetadata
	created time.Time
}

func (f *fakeNetwork) Stat(_ context.Context, _, key string) (*uplink.Object, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stat(key)
}

func (f *fakeNetwork) stat(key string) (*uplink.Object, error) {
	o := f.objects[key]
	if lie := f.once[key]; lie != nil {
		delete(f.once, key)
		o = lie
	}
	if o == nil {
		return nil, uplink.ErrObjectNotFound
	}
	return &uplink.Object{Key: key, System: uplink.SystemMetadata{ContentLength: int64(len(o.content)), Created: o.created}, Custom: maps.Clone(o.custom)}, nil
}

func (f *fakeNetwork) Upload(ctx context.Context, _, key string) (upload, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := &fakeUpload{f: f, ctx: ctx, key: key}
	if len(f.faults) > 0 {
		u.fault, f.faults = f.faults[0], f.faults[1:]
	}
	if u.fault.Err != nil && u.fault.Early {
		return nil, u.fault.Err
	}
	f.open++
	return u, nil
}

func (f *fakeNetwork) Download(_ context.Context, _, key string) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.objects[key] == nil {
		return nil, uplink.ErrObjectNotFound
	}
	return io.NopCloser(bytes.NewReader(f.objects[key].content)), nil
}

func (f *fakeNetwork) List(_ context.Context, _, prefix string) iter.Seq2[*uplink.Object, error] {
	return func(yield func(*uplink.Object, error) bool) {
		if prefix != "" && !strings.HasSuffix(prefix, "/") {
			yield(nil, errors.New("uplink: prefix should end with slash"))
			return
		}
		f.mu.Lock()
		keys := slices.Sorted(maps.Keys(f.objects))
		f.mu.Unlock()
		for _, key := range keys {
			if strings.HasPrefix(key, prefix) {
				if object, err := f.Stat(context.Background(), "", key); !yield(object, err) {
					return
				}
			}
		}
	}
}

func (f *fakeNetwork) Close() error { return nil }

// fakeUpload is one upload, with its fault.
type fakeUpload struct {
	f       *fakeNetwork
	ctx     context.Context
	key     string
	fault   sinktest.Fault
	content bytes.Buffer
	custom  uplink.CustomMetadata
	over    bool
}

func (u *fakeUpload) Write(p []byte) (int, error) {
	u.f.mu.Lock()
	share := float64(u.content.Len()+len(p)) / float64(max(u.f.size, 1))
	u.f.mu.Unlock()
	switch {
	case u.fault.CutAt > 0 && share >= u.fault.CutAt:
		return 0, errNetwork
	case u.fault.Stall > 0 && share >= u.fault.Stall:
		select {
		case <-u.ctx.Done():
			return 0, u.ctx.Err()
		case <-u.f.done:
			return 0, errNetwork
		}
	case u.fault.Slow > 0:
		time.Sleep(u.fault.Slow) // it stands for the network's own time
	}
	return u.content.Write(p)
}

func (u *fakeUpload) SetCustomMetadata(_ context.Context, custom uplink.CustomMetadata) error {
	u.custom = custom
	return nil
}

func (u *fakeUpload) Commit() error {
	u.f.mu.Lock()
	defer u.f.mu.Unlock()
	if u.fault.Err != nil {
		return u.fault.Err
	}
	u.f.open--
	u.over = true
	content := u.content.Bytes()
	switch u.fault.Lie {
	case sinktest.LieHash:
		u.custom["sha256"] = strings.Repeat("0", 64)
	case sinktest.LieKey:
		delete(u.custom, "sha256")
	case sinktest.LieShort:
		content = content[:max(0, len(content)-1)]
	case sinktest.LieEmpty, sinktest.LieGarbage, sinktest.LieNothing:
		return nil
	}
	object := &fakeObject{content, u.custom, time.Now()}
	if u.fault.Lie != "" { // it is seen once, so that the suite can put the same again
		u.f.once[u.key] = object
		return nil
	}
	u.f.objects[u.key] = object
	if u.fault.LoseAnswer {
		return errNetwork
	}
	return nil
}

func (u *fakeUpload) Abort() error {
	u.f.mu.Lock()
	defer u.f.mu.Unlock()
	if u.over {
		return uplink.ErrUploadDone
	}
	u.over = true
	u.f.open--
	return nil
}
