package uploader

import (
	"encoding/hex"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// content is a file that was hashed and is about to be put.
type content struct {
	io.ReaderAt
	name string // in the store, or of the file that is pushed
	size int64  // bytes
	sum  [32]byte
	by   string // store.ByWatch or store.ByPush
	in   inflated
}

func (c content) hex() string { return hex.EncodeToString(c.sum[:]) }

// object is c as a sink takes it. key is where it goes, "" below no path.
func (c content) object(key string, now time.Time) sink.Object {
	meta := map[string]string{
		sink.MetaName:   url.PathEscape(c.name),
		sink.MetaSHA256: c.hex(),
		sink.MetaSize:   strconv.FormatInt(c.size, 10),
		sink.MetaTime:   now.UTC().Format(time.RFC3339Nano),
		sink.MetaBy:     c.by,
	}
	if c.in.sum != "" {
		meta[sink.MetaInflatedSize], meta[sink.MetaInflatedSHA256] = strconv.FormatInt(c.in.size, 10), c.in.sum
	}
	return sink.Object{Name: sink.SafeName(c.name), Key: key, Meta: meta, Size: c.size, SHA256: c.sum, Content: c}
}

// receipt is a line of the ledger.
func (c content) receipt(proof sink.Receipt, tries int, now time.Time) store.Receipt {
	return store.Receipt{
		Time: now.UTC(), Name: c.name, Size: c.size, SHA256: c.hex(), Sink: proof.Sink, URL: proof.URL,
		FileHash: proof.FileHash, Key: proof.Key, Object: proof.Object, Attempts: tries, By: c.by,
		InflatedSize: c.in.size, InflatedSHA256: c.in.sum,
	}
}

// keyOf is where a target keeps a file of the store, "" where it knows no paths.
// The time is that of the capture: a name of the grammar holds it, which is that
// of the captured book's first message (recovered files too), or some
// microseconds more where a clock stood still. The original's names hold when
// they were written, and other files have only their modification time.
func (t Target) keyOf(name string, captured func(name string) (time.Time, bool), modified time.Time) string {
	if t.Key == nil {
		return ""
	}
	at, ok := captured(name)
	if !ok {
		at, ok = originalTime(name)
	}
	if !ok {
		at = modified
	}
	return t.Key(sink.SafeName(name), at)
}

// pushedKey is where a target keeps a file that is pushed: one of the capture's
// names among the captured, all others directly below the prefix.
func (t Target) pushedKey(name string, captured func(name string) (time.Time, bool)) string {
	if t.Key == nil {
		return ""
	}
	if at, ok := captured(name); ok {
		return t.Key(sink.SafeName(name), at)
	}
	return sink.SafeName(name)
}

// originalTime is the time in a name of the original,
// <prefix><unix seconds.fraction>-<n>.txt.
func originalTime(name string) (at time.Time, ok bool) {
	name, ok = strings.CutSuffix(name, ".txt")
	dash := strings.LastIndexByte(name, '-')
	if !ok || dash < 0 {
		return at, false
	}
	if _, err := strconv.ParseUint(name[dash+1:], 10, 64); err != nil {
		return at, false
	}
	name = name[:dash]
	number := name[len(strings.TrimRight(name, "0123456789.")):]
	whole, _, _ := strings.Cut(number, ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || len(whole) < 9 || len(whole) > 11 {
		return at, false // no time of the last forty years, or of the next thousand
	}
	return time.Unix(seconds, 0).UTC(), true
}
