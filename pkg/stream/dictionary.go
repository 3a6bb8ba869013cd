package stream

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
)

// Jetstream's dictionary (its docs/README.md): the one that /subscribe packs
// with has had this id from the beginning; newer servers hand dictionaries out.
const (
	dictionaryPath    = "/xrpc/network.bsky.jetstream.getZstdDictionary"
	dictionaryID      = "1612007021"
	dictionaryMagic   = "\x37\xa4\x30\xec" // RFC 8878, 5
	maxDictionary     = 4 << 20
	dictionaryTimeout = 10 * time.Second
)

// errDictionary is a frame that was packed with another dictionary than ours.
var errDictionary = errors.New("messages are packed with another dictionary than ours: asking for plain ones")

// dictionaries are those by which servers pack messages, by host. An empty one
// says that this host is asked for plain messages.
type dictionaries struct {
	given  []byte
	byHost map[string][]byte
}

// dictionary returns by which dictionary a Jetstream's host shall pack, nil for
// none. It asks the host once.
func (s *Source) dictionary(ctx context.Context, u *url.URL) []byte {
	if s.cfg.Kind != network.Jetstream || u.Query().Has("compress") {
		return nil
	}
	d, known := s.packed.byHost[u.Host]
	if !known {
		if d = s.packed.given; d == nil {
			d = s.askDictionary(ctx, *u)
		}
		if ctx.Err() == nil {
			s.setDictionary(u.Host, d)
		}
	}
	return d
}

func (s *Source) setDictionary(host string, d []byte) {
	if s.packed.byHost == nil {
		s.packed.byHost = map[string][]byte{}
	}
	s.packed.byHost[host] = d
}

// askDictionary returns nil where the host does not offer one that is of use:
// then messages come plain.
func (s *Source) askDictionary(ctx context.Context, u url.URL) []byte {
	ctx, cancel := context.WithTimeout(ctx, min(dictionaryTimeout, s.cfg.StallTimeout))
	defer cancel()
	u.Scheme = "http" + strings.TrimPrefix(u.Scheme, "ws")
	u.Path = dictionaryPath
	for _, query := range []string{"id=" + dictionaryID, ""} {
		u.RawQuery = query
		resp, err := s.get(ctx, &u, "")
		if err != nil {
			return nil
		}
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxDictionary))
		_ = resp.Body.Close() // only read
		if err != nil || resp.StatusCode != http.StatusOK || !bytes.HasPrefix(data, []byte(dictionaryMagic)) {
			continue
		}
		if probe, err := newUnpacker(data, s.cfg.MaxMessage); err == nil {
			probe.close()
			return data
		}
	}
	return nil
}

// plainFrom has the host in turn asked for plain messages from now on, if it was asked for
// packed ones and that is what went wrong. It reports whether it was.
func (s *Source) plainFrom(status int, err error) bool {
	if s.request.path != "" {
		return false
	}
	host := s.request.urls[0].Host
	if len(s.packed.byHost[host]) == 0 || status != http.StatusBadRequest && !errors.Is(err, errDictionary) {
		return false
	}
	s.setDictionary(host, nil)
	return true
}

// askPacked has a request ask for packed messages.
func askPacked(u *url.URL) {
	q := u.Query()
	q.Set("compress", "true")
	u.RawQuery = q.Encode()
}
