package rebuild

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/objectkey"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// maxName is the longest name that becomes a receipt's, in bytes: no file system
// has longer ones.
const maxName = 1024

// Books is the prefix of the keys below which copies of the books lie.
const Books = objectkey.Books + "/"

// places asks all of them.
func (r *rebuilder) places() error {
	for _, p := range r.cfg.Places {
		lister, ok := p.Reader.(sink.Lister)
		if !ok {
			r.report.Silent = append(r.report.Silent, p.URL)
			continue
		}
		r.cfg.Progress("listing " + p.URL)
		objects, err := r.list(p, lister)
		if err != nil {
			r.report.failed(p.URL, err)
			r.report.Half = true // whatever is wrong with it: nothing is known of what it has
			continue
		}
		for i, f := range objects {
			if r.ctx.Err() != nil {
				return r.ctx.Err()
			}
			if i%100 == 0 {
				r.cfg.Progress(fmt.Sprintf("%d of %d objects at %s", i, len(objects), p.URL))
			}
			if err := r.object(p, f); err != nil {
				return err
			}
		}
	}
	return nil
}

// list returns the objects that no receipt names, in the order of their capture:
// who reads the newest receipts wants those of the newest files. What has
// a name that the uploader does not give is only noted: there may be any number.
func (r *rebuilder) list(p Place, lister sink.Lister) (objects []sink.Found, err error) {
	skipped, more := r.report.Skipped, r.report.MoreSkipped
	err = r.again(func() error {
		objects, r.report.Skipped, r.report.MoreSkipped = nil, slices.Clip(skipped), more
		foreign := map[uint64]struct{}{}
		return lister.List(r.ctx, "", func(f sink.Found) error {
			_, known := r.keys[r.hash(p.Kind, p.URL, f.Key)]
			switch {
			case known || strings.HasPrefix(f.Key, Books):
			case sink.ValidKey(f.Key):
				objects = append(objects, f)
			default:
				r.foreign(f.Key, foreign)
			}
			return r.ctx.Err()
		})
	})
	slices.SortFunc(objects, func(a, b sink.Found) int {
		return cmp.Or(r.captured(a).Compare(r.captured(b)), strings.Compare(a.Key, b.Key))
	})
	return slices.CompactFunc(objects, func(a, b sink.Found) bool { return a.Key == b.Key }), err
}

// foreign notes a name once, though a listing may have it twice.
func (r *rebuilder) foreign(key string, noted map[uint64]struct{}) {
	sum := r.hash(key)
	if _, twice := noted[sum]; !twice {
		noted[sum] = struct{}{}
		r.report.skipped(key, "its name is none that the uploader gives")
	}
}

func (r *rebuilder) captured(f sink.Found) time.Time {
	if at, ok := r.cfg.Store.CapturedAt(path.Base(f.Key)); ok {
		return at
	}
	return f.Modified
}

// object makes the receipt of one of list's, if it is the uploader's. The error is of the
// books.
func (r *rebuilder) object(p Place, f sink.Found) error {
	if f.Meta == nil { // a listing need not tell
		err := r.again(func() error {
			found, err := p.Reader.Stat(r.ctx, sink.Ref{Key: f.Key})
			if err == nil {
				found.Key = f.Key
				f = found
			}
			return err
		})
		if err != nil {
			r.report.failed(f.Key, err)
			return r.ctx.Err()
		}
	}
	receipt, why := told(f)
	if why == "" && receipt.Name == "" {
		receipt, why = r.hashed(p, f)
	}
	if why == "" {
		why = r.contradicts(receipt)
	}
	if why != "" {
		r.report.skipped(f.Key, why)
		return nil
	}
	if receipt.SHA256 == "" {
		return r.ctx.Err() // it could not be read, and is in the report
	}
	receipt.Sink, receipt.URL, receipt.FileHash, receipt.Attempts = p.Kind, p.URL, receipt.SHA256, 1
	if f.Key != receipt.Name {
		receipt.Object = f.Key
	}
	return r.add(receipt)
}

// contradicts says why a receipt cannot be true.
func (r *rebuilder) contradicts(receipt store.Receipt) string {
	if receipt.By != store.ByWatch || receipt.SHA256 == "" {
		return ""
	}
	c, ok := r.files[r.hash(receipt.Name)]
	switch {
	case !ok:
	case c.sum != r.hash(receipt.SHA256):
		return "it is not what was captured under this name: the captured book has another SHA-256"
	case receipt.InflatedSHA256 != "" && c.inflated != r.inflated(receipt.InflatedSize, receipt.InflatedSHA256):
		return "what stands beside it of its content is not what was captured under this name"
	}
	return ""
}

// told makes a receipt of what was put beside an object; none without that.
func told(f sink.Found) (r store.Receipt, why string) {
	if f.Meta["name"] == "" || f.Meta["sha256"] == "" {
		return r, ""
	}
	name, err := url.PathUnescape(f.Meta["name"])
	size, sizeErr := strconv.ParseInt(f.Meta["size"], 10, 64)
	at, timeErr := time.Parse(time.RFC3339, f.Meta["time"])
	by := f.Meta["by"]
	switch {
	case err != nil || name == "" || len(name) > maxName || strings.ContainsAny(name, "/\x00") || sink.SafeName(name) != path.Base(f.Key):
		return r, "the name beside it is not that of its key"
	case sizeErr != nil || f.Size >= 0 && size != f.Size:
		return r, fmt.Sprintf("it has %d bytes, and %.20q stands beside it", f.Size, f.Meta["size"])
	case !isHash(f.Meta["sha256"]):
		return r, "no SHA-256 stands beside it"
	case by != store.ByWatch && by != store.ByPush:
		return r, "who put it does not stand beside it"
	case timeErr != nil:
		at = f.Modified
	}
	r = store.Receipt{Time: at, Name: name, Size: size, SHA256: f.Meta["sha256"], By: by}
	if f.Meta["inflated-sha256"] == "" {
		return r, ""
	}
	r.InflatedSHA256 = f.Meta["inflated-sha256"]
	r.InflatedSize, err = strconv.ParseInt(f.Meta["inflated-size"], 10, 64)
	if err != nil || r.InflatedSize < 0 || !isHash(r.InflatedSHA256) {
		return store.Receipt{}, "what stands beside it of its content is no size and no SHA-256"
	}
	return r, ""
}

// hashed makes a receipt by reading an object. Without a word beside it, only
// what has a name of the watch loop's is taken for its.
func (r *rebuilder) hashed(p Place, f sink.Found) (receipt store.Receipt, why string) {
	name := path.Base(f.Key)
	if _, ours := r.cfg.Store.CapturedAt(name); !ours && !strings.HasPrefix(name, r.cfg.Prefix) {
		return receipt, "nothing stands beside it, and its name is not one of the capture's"
	}
	receipt = store.Receipt{Time: f.Modified, Name: name, By: store.ByWatch}
	err := r.again(func() error { return r.read(p, f, &receipt) })
	if err != nil {
		r.report.failed(f.Key, err)
		receipt.SHA256 = ""
	}
	return receipt, ""
}

func (r *rebuilder) read(p Place, f sink.Found, receipt *store.Receipt) error {
	body, err := p.Reader.Open(r.ctx, sink.Ref{Key: f.Key})
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // only read
	var from io.Reader = body
	if f.Size >= 0 {
		from = io.LimitReader(body, f.Size+1) // a server may send without end
	}
	sum := sha256.New()
	receipt.Size, err = io.Copy(sum, from)
	r.report.Read += receipt.Size
	receipt.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if err == nil && f.Size >= 0 && receipt.Size != f.Size {
		err = fmt.Errorf("%d bytes of it came at least, and it was listed with %d", receipt.Size, f.Size)
	}
	return err
}

func isHash(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// again tries until there is an answer, or the tries are over.
func (r *rebuilder) again(ask func() error) error {
	for try := 1; ; try++ {
		err := ask()
		if err == nil || r.ctx.Err() != nil || errors.Is(err, sink.ErrNotFound) || !sink.Again(err) || try >= r.cfg.Tries {
			return err
		}
		timer := time.NewTimer(backoff.Jitter(r.cfg.Backoff.Wait(try), rand.Float64))
		select {
		case <-timer.C:
		case <-r.ctx.Done():
			timer.Stop()
			return r.ctx.Err()
		}
	}
}
