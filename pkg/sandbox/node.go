package sandbox

import (
	"bytes"
	"crypto/cipher"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// NodeConfig says what a local storage node is like. The zero value is one as
// it was shipped, but for a directory that goes when it closes.
type NodeConfig struct {
	Addr       string // where to listen; "" is 127.0.0.1:0
	Dir        string // where objects lie; "" is a temporary directory, removed by Close
	Passphrase string // of the encryption; "" is the one nodes shipped with
	Token      string // the upload_token it wants; "" wants none
	// MaxContent is the longest request it takes, in bytes; 0 is the 20 MiB
	// that nodes shipped with, below zero is no limit.
	MaxContent int64
	FindDelay  time.Duration // before /api/find knows an upload; 0 is the 30 s of a sync cycle
	Faults     []string
}

// Upload is one try to upload, as the node saw it.
type Upload struct {
	Time     time.Time
	Name     string // as sent
	Size     int64  // bytes of the file part that arrived
	SHA256   string // of those bytes
	FileHash string // the node's name for it; "" when it was not kept
	Status   int    // of the answer; 0: there was none
	Fault    string // that was on
}

// Object is one thing that the node has.
type Object struct {
	FileHash string
	Name     string // of the first upload
	Size     int64
	SHA256   string // of the plaintext
	Key      string // lower-case hex; "" in the plain era
	Times    int    // how often the same content was taken
	Since    time.Time
}

// Node is a local storage node. It is an http.Handler; StartNode also listens.
type Node struct {
	cfg    NodeConfig
	faults *fault.Set
	mux    *http.ServeMux
	server *wire.Server
	own    bool // cfg.Dir is ours to remove
	chance *chance

	mu         sync.Mutex
	objects    map[string]*Object
	order      []string
	uploads    []Upload
	names      map[string]*occupant // safe names of uploads in flight
	inFlight   int
	collisions int

	once   sync.Once
	closed chan struct{}
}

// NewNode returns a node that somebody else serves. Close it in the end.
func NewNode(cfg NodeConfig) (*Node, error) {
	n := &Node{cfg: cfg, faults: fault.NewSet(NodeFaults()), objects: map[string]*Object{}, names: map[string]*occupant{},
		closed: make(chan struct{}), chance: newChance()}
	if err := n.SetFault(cfg.Faults...); err != nil {
		return nil, err
	}
	if n.cfg.Passphrase == "" {
		n.cfg.Passphrase = defaultPassphrase
	}
	if n.cfg.MaxContent == 0 {
		n.cfg.MaxContent = 20 << 20
	}
	if n.cfg.FindDelay == 0 {
		n.cfg.FindDelay = 30 * time.Second
	}
	if err := n.makeDir(); err != nil {
		return nil, err
	}
	n.mux = http.NewServeMux()
	n.mux.HandleFunc("POST /api/upload", n.upload)
	n.mux.HandleFunc("GET /api/download/{hash}", n.download)
	n.mux.HandleFunc("GET /api/find/{hash}", n.find)
	n.mux.HandleFunc("GET /api/status", n.status)
	wire.Control(n.mux, n.faults, func() any { return n.Uploads() })
	return n, nil
}

func (n *Node) makeDir() (err error) {
	if n.cfg.Dir == "" {
		n.own = true
		n.cfg.Dir, err = os.MkdirTemp("", "sandbox-node-")
		return err
	}
	return os.MkdirAll(n.cfg.Dir, 0o700)
}

// StartNode returns a node that listens.
func StartNode(cfg NodeConfig) (*Node, error) {
	n, err := NewNode(cfg)
	if err != nil {
		return nil, err
	}
	if n.server, err = wire.Listen(cfg.Addr, n); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// ServeHTTP implements http.Handler.
func (n *Node) ServeHTTP(w http.ResponseWriter, r *http.Request) { n.mux.ServeHTTP(w, r) }

// URL is where the node listens, without a slash at the end.
func (n *Node) URL() string { return n.server.URL() }

// UploadURL is what upload_url has to be.
func (n *Node) UploadURL() string { return n.URL() + "/api/upload" }

// SetFault replaces the faults that are on by these; none turns all off.
func (n *Node) SetFault(specs ...string) error { return n.faults.Throw(specs...) }

// Fired tells how often a fault has really happened.
func (n *Node) Fired(name string) int { return n.faults.Fired(name) }

// Objects are what the node has, in the order of their first upload.
func (n *Node) Objects() []Object {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := make([]Object, len(n.order))
	for i, hash := range n.order {
		list[i] = *n.objects[hash]
	}
	return list
}

// Uploads are all tries that have ended, oldest first.
func (n *Node) Uploads() []Upload {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.uploads)
}

// InFlight is how many uploads are under way.
func (n *Node) InFlight() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.inFlight
}

// Collisions is how often two uploads of one name were under way together,
// which corrupts both on a real node; here both are refused by a 500.
func (n *Node) Collisions() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.collisions
}

// Lose forgets an object, as a node does that has lost a disk.
func (n *Node) Lose(hash string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.objects, hash)
	n.order = slices.DeleteFunc(n.order, func(other string) bool { return other == hash })
}

// Fetch returns an object's content: decrypted with key (hex), as it lies
// there where key is "". It needs the object's size in memory.
func (n *Node) Fetch(hash, key string) ([]byte, error) {
	f, stream, err := n.open(hash, key)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, f); err != nil {
		return nil, fmt.Errorf("fetch %s: %w", hash, err)
	}
	if stream != nil {
		stream.XORKeyStream(b.Bytes(), b.Bytes())
	}
	return b.Bytes(), nil
}

// open opens what lies under hash, and the key stream that decrypts it.
func (n *Node) open(hash, key string) (*os.File, cipher.Stream, error) {
	n.mu.Lock()
	_, ok := n.objects[hash]
	n.mu.Unlock()
	if !ok {
		return nil, nil, fmt.Errorf("fetch %s: %w", hash, os.ErrNotExist)
	}
	var stream cipher.Stream
	if key != "" {
		b, err := hex.DecodeString(key)
		if err != nil {
			return nil, nil, fmt.Errorf("fetch %s: the key is not hexadecimal", hash)
		}
		if stream, err = keyStream(b); err != nil {
			return nil, nil, fmt.Errorf("fetch %s: %w", hash, err)
		}
	}
	f, err := os.Open(filepath.Join(n.cfg.Dir, hash))
	return f, stream, err
}

// Close ends the server. It is idempotent.
func (n *Node) Close() error {
	var err error
	n.once.Do(func() {
		close(n.closed)
		err = n.server.Close()
		if n.own {
			if e := os.RemoveAll(n.cfg.Dir); err == nil {
				err = e
			}
		}
	})
	return err
}
