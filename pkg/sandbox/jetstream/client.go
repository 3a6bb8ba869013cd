package jetstream

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// The most that a client may want.
const (
	maxCollections = 100
	maxDids        = 10_000
)

// client is one that is connected.
type client struct {
	s       *Server
	packer  packer // without an encoder nothing is compressed
	foreign bool   // compresses with a dictionary that nobody has
	ready   chan struct{}
	once    sync.Once

	mu          sync.Mutex // guards what follows
	collections []string   // of which a prefix ends in a dot
	dids        []string
	limit       int

	plain []byte
}

// hello lets events begin.
func (c *client) hello() { c.once.Do(func() { close(c.ready) }) }

// nsid is a name of a collection, or the beginning of some.
var nsid = regexp.MustCompile(`^[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)*(\.\*)?$`)

// wants sets what the client is sent.
func (c *client) wants(collections, dids []string, limit int) error {
	collections, dids = unique(collections), unique(dids)
	switch {
	case len(collections) > maxCollections:
		return fmt.Errorf("too many wanted collections: %d > %d", len(collections), maxCollections)
	case len(dids) > maxDids:
		return fmt.Errorf("too many wanted DIDs: %d > %d", len(dids), maxDids)
	}
	for i, name := range collections {
		if !nsid.MatchString(name) || !strings.Contains(name, ".") {
			return errors.New("invalid collection: " + name)
		}
		collections[i] = strings.TrimSuffix(name, "*")
	}
	for _, did := range dids {
		if !strings.HasPrefix(did, "did:") {
			return errors.New("invalid DID: " + did)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.collections, c.dids, c.limit = collections, dids, max(0, limit)
	return nil
}

func unique(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// receive takes options that the client sends on its way; what is none ends
// nothing here, as it does not there.
func (c *client) receive(message []byte) {
	var m struct {
		Type    string
		Payload struct {
			WantedCollections, WantedDids []string
			MaxMessageSizeBytes           int
		}
	}
	if json.Unmarshal(message, &m) != nil || m.Type != "options_update" {
		return
	}
	if c.wants(m.Payload.WantedCollections, m.Payload.WantedDids, m.Payload.MaxMessageSizeBytes) == nil {
		c.hello()
	}
}

// event appends an event, if the client wants it.
func (c *client) event(b []byte, seq uint64) ([]byte, int, bool) {
	did, collection := subject(seq)
	c.mu.Lock()
	wanted := (len(c.dids) == 0 || slices.Contains(c.dids, did)) &&
		(collection == "" || len(c.collections) == 0 || slices.ContainsFunc(c.collections, func(name string) bool {
			return name == collection || strings.HasSuffix(name, ".") && strings.HasPrefix(collection, name)
		}))
	limit := c.limit
	c.mu.Unlock()
	if !wanted {
		return b, 0, false
	}
	c.plain = c.s.append(c.plain[:0], seq)
	size := len(c.plain)
	switch {
	case limit > 0 && size > limit:
		return b, 0, false
	case c.packer.encoder == nil:
		return append(b, c.plain...), size, true
	case c.foreign:
		return append(append(b, "\x28\xb5\x2f\xfd\x23\x2a\x2a\x2a\x2a"...), c.plain[:4]...), size, true
	}
	return c.packer.encoder.EncodeAll(c.plain, b), size, true
}
