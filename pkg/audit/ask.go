package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// verdict is what was found out about a receipt's object.
type verdict int

const (
	there verdict = iota
	missing
	altered
	unasked
)

// answer is a verdict with what belongs to it.
type answer struct {
	verdict verdict
	name    string // of the file
	place   int
	why     string
	size    bool // the size was compared
	hash    bool // the hash was compared
	bytes   int64
}

// worker asks for one object at a time.
type worker struct {
	a   *auditor
	sum hash.Hash
	buf []byte
}

func newWorker(a *auditor) *worker {
	w := &worker{a: a, sum: sha256.New()}
	if a.cfg.Question.Download {
		w.buf = make([]byte, 256<<10)
	}
	return w
}

// ask asks until there is an answer or the tries are over; ok is false when the
// context ended first.
func (w *worker) ask(j job) (got answer, ok bool) {
	got = answer{name: j.receipt.Name, place: j.place.number}
	for try := 1; ; try++ {
		err := j.place.gaveUp()
		if err == nil {
			got.size, got.hash, got.bytes = false, false, 0
			err = w.once(j, &got)
		} else {
			try = w.a.cfg.Tries
		}
		var differs *difference
		// An answer counts though the context has ended since: those behind it
		// would have to be asked for again. What ended too early is none.
		if err != nil && !errors.Is(err, sink.ErrNotFound) && w.a.ctx.Err() != nil {
			return got, false
		}
		switch {
		case err == nil:
			got.verdict = there
		case errors.Is(err, sink.ErrNotFound):
			got.verdict = missing
		case errors.As(err, &differs):
			got.verdict, got.why = altered, differs.text
		case sink.Again(err) && try < w.a.cfg.Tries:
			if !w.wait(try, err) {
				return got, false
			}
			continue
		default:
			got.verdict, got.why = unasked, redact.Text(err.Error())
		}
		j.place.note(got.verdict == unasked, err)
		return got, true
	}
}

func (w *worker) wait(try int, err error) bool {
	wait := backoff.Jitter(w.a.cfg.Backoff.Wait(try), rand.Float64)
	var e *sink.Error
	if errors.As(err, &e) {
		wait = max(wait, min(e.RetryAfter, time.Minute))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.a.ctx.Done():
		return false
	}
}

// difference is what an object is not.
type difference struct{ text string }

func (d *difference) Error() string { return d.text }

func differs(format string, args ...any) error { return &difference{fmt.Sprintf(format, args...)} }

// once asks once.
func (w *worker) once(j job, got *answer) error {
	ref := w.a.cfg.Ref(j.receipt)
	if w.a.cfg.Question.Download {
		return w.download(j, ref, got)
	}
	found, err := j.place.reader.Stat(w.a.ctx, ref)
	if err != nil {
		return err
	}
	return compare(j.receipt, found, got)
}

// compare takes what a storage says. Of metadata only the hash is looked at: it
// was written beside the object, so that another object's is there when two
// were swapped.
func compare(r store.Receipt, found sink.Found, got *answer) error {
	if found.Size >= 0 {
		got.size = true
		if found.Size != r.Size {
			return differs("it has %d bytes, by the receipt %d", found.Size, r.Size)
		}
	}
	if said := found.Meta["sha256"]; said != "" {
		if said != r.SHA256 {
			return differs("it is another file's: the SHA-256 beside it is %.12s..., in the receipt %.12s...", redact.Text(said), r.SHA256)
		}
		return nil // a word of ours, not the storage's of what it has
	}
	if found.SHA256 != "" {
		got.hash = true
		if !strings.EqualFold(found.SHA256, r.SHA256) {
			return differs("the storage tells another SHA-256: %.12s..., in the receipt %.12s...", redact.Text(found.SHA256), r.SHA256)
		}
	}
	return nil
}

// download reads every byte back.
func (w *worker) download(j job, ref sink.Ref, got *answer) error {
	ctx, cancel := context.WithCancel(w.a.ctx)
	defer cancel()
	body, err := j.place.reader.Open(ctx, ref)
	if err != nil {
		return err
	}
	defer body.Close() //nolint:errcheck // only read
	w.sum.Reset()
	// One byte more than there should be is enough.
	n, err := io.CopyBuffer(struct{ io.Writer }{w.sum}, struct{ io.Reader }{io.LimitReader(body, j.receipt.Size+1)}, w.buf)
	got.bytes = n
	switch {
	case err != nil:
		return err
	case n > j.receipt.Size:
		return differs("it has more than the %d bytes of the receipt", j.receipt.Size)
	case n < j.receipt.Size:
		return differs("it has %d bytes, by the receipt %d", n, j.receipt.Size)
	}
	got.size, got.hash = true, true
	if sum := hex.EncodeToString(w.sum.Sum(nil)); sum != j.receipt.SHA256 {
		return differs("its SHA-256 is %.12s..., by the receipt %.12s...", sum, j.receipt.SHA256)
	}
	return nil
}
