package store

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// verdict is what recovery found in a file.
type verdict struct {
	messages     int
	bytes        int64 // of the messages, line ends included
	damaged      int
	damagedBytes int64
	changed      bool      // the file holds anything but messages, one a line
	unreadable   error     // the file's content cannot be had
	written      time.Time // the last write to it, as it was found
}

func (v *verdict) add(p piece) {
	switch p.kind {
	case pieceMessage:
		v.messages++
		v.bytes += p.len + 1
	case pieceDamaged:
		v.damaged++
		v.damagedBytes += p.len
	}
	v.changed = v.changed || p.kind != pieceMessage || !p.line
}

// after adds what only the try before this one has found: it may have published
// the damage and left a file that is whole.
func (v verdict) after(before verdict) verdict {
	if before.damaged > v.damaged {
		v.damaged, v.damagedBytes = before.damaged, before.damagedBytes
	}
	if !before.written.IsZero() {
		v.written = before.written
	}
	return v
}

// judge reads the whole file.
func (w *Writer) judge(f file) (verdict, error) {
	var found verdict
	if info, err := f.Stat(); err == nil {
		found.written = info.ModTime()
	}
	err := w.pieces(f, func(p piece) error {
		found.add(p)
		return nil
	})
	found.changed = found.changed || found.messages == 0
	return found, err
}

// pieces splits a file for recovery: it stops when the writer ends and, since
// reading a large file takes its time, says now and then that it goes on.
func (w *Writer) pieces(f file, visit func(piece) error) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", errUnreadable, cause(err))
	}
	w.begin(&w.finisher)
	var said int64
	return splitPieces(f, info.Size(), func(p piece) error {
		if p.off-said > sayEvery {
			if !w.goesOn() {
				return errEnds
			}
			said = p.off
			w.stillRecovering()
		}
		return visit(p)
	})
}

const sayEvery = 16 << 20

// stillRecovering renews the finisher's word, and that of an Append that waits
// for it.
func (w *Writer) stillRecovering() {
	w.begin(&w.finisher)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.progress.Broadcast()
}

// rewrite splits f into what is kept and what is damaged, makes both durable
// and publishes them, the damaged part first: until the last rename the source
// still holds everything, so that a crash before it costs only the work.
func (w *Writer) rewrite(f file, name string, found verdict) error {
	if found.damaged > 0 {
		if err := w.publishDamaged(f, name, found); err != nil {
			return err
		}
	}
	dot := dotName(name)
	replace := func() error { return w.s.trouble("rename", rewriteName, w.s.fs.Rename(rewriteName, dot)) }
	if found.messages == 0 {
		replace = func() error { return w.s.trouble("remove", dot, w.s.fs.Remove(dot)) }
	} else if err := w.copyPieces(f, rewriteName, pieceMessage); err != nil {
		return err
	}
	if err := w.nextStep(replace); err != nil {
		return err
	}
	return w.nextStep(w.syncTop)
}

// publishDamaged replaces rejected/<name>.damaged in this order: temporary
// file, fsync; reason (temporary file, fsync, rename, fsync of rejected/);
// rename of the first, fsync of rejected/. So it never stands there without
// its reason.
func (w *Writer) publishDamaged(f file, name string, found verdict) error {
	aside := rejectedDir + "/" + name + damagedSuffix
	temp := rejectedDir + "/." + name + damagedSuffix + tempSuffix
	if err := w.copyPieces(f, temp, pieceDamaged); err != nil {
		return err
	}
	why := "what a dead grabber left is no JSON: torn by a kill, or lost in a power cut"
	if err := w.nextStep(func() error { return w.writeReason(name, found, why) }); err != nil {
		return err
	}
	publish := func() error { return w.s.trouble("rename", temp, w.s.fs.Rename(temp, aside)) }
	if err := w.nextStep(publish); err != nil {
		return err
	}
	return w.nextStep(w.syncRejected)
}

func (w *Writer) writeReason(name string, found verdict, why string) error {
	text, err := json.MarshalIndent(Reason{
		Time: w.s.cfg.Now().UTC(), Name: name + damagedSuffix, Original: name, Reason: why, Lines: found.damaged,
	}, "", "  ")
	if err != nil {
		return err
	}
	return w.s.replaceFile(rejectedDir+"/"+name+damagedSuffix+reasonSuffix, true, append(text, '\n'))
}

// copyPieces writes the pieces of one kind, one a line, to a new file and
// fsyncs it. When there is no room for it, it takes none: also where only the
// fsync says so, for the source still holds everything and the next try makes
// another copy.
func (w *Writer) copyPieces(f file, name string, kind pieceKind) error {
	to, err := w.s.fs.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return w.s.trouble("create", name, err)
	}
	err = w.copyTo(to, f, kind)
	switch {
	case err == nil:
		err = w.nextStep(func() error { return w.s.trouble("fsync", name, to.Sync()) })
	case !errors.Is(err, errUnreadable) && !errors.Is(err, errEnds):
		err = w.s.trouble("write", name, err)
	}
	if cerr := to.Close(); err == nil && cerr != nil {
		err = w.s.trouble("close", name, cerr)
	}
	if err != nil {
		_ = w.s.fs.Remove(name) // else the next try replaces it
	}
	return err
}

func (w *Writer) copyTo(to io.Writer, f file, kind pieceKind) error {
	out := bufio.NewWriterSize(to, 64<<10)
	err := w.pieces(f, func(p piece) error {
		if p.kind != kind {
			return nil
		}
		if err := p.writeTo(out); err != nil {
			return err
		}
		return out.WriteByte('\n')
	})
	if err != nil {
		return err
	}
	return out.Flush()
}
