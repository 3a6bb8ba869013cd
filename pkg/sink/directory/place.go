package directory

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/storj/twitter-stream/pkg/sink"
)

const (
	// chunk is how much is in memory of an object.
	chunk = 256 << 10
	// syncEvery is how much is written before an fsync, so that none takes long.
	syncEvery = 32 << 20
)

// errOther says that a file's content is not the object's.
var errOther = errors.New("other content")

// place brings obj into the archive, or finds it there.
func (a *Archive) place(w *watch, obj sink.Object) error {
	dir, err := a.enter()
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // all that matters has been synced
	there, err := a.find(w, dir, obj, w.alive)
	if there || err != nil {
		return err
	}
	temp, f, err := a.write(w, dir, obj)
	if f == nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it has been synced; open, it keeps its lock
	if err == nil {
		err = a.prove(w, dir, temp, obj)
	}
	if err == nil {
		err = a.makeParents(dir, obj)
	}
	if err == nil {
		err = dir.Place(temp, keyOf(obj))
	}
	if err == nil {
		return a.settle(dir, keyOf(obj))
	}
	_ = dir.Remove(temp) // else the next start finds it
	if errors.Is(err, fs.ErrExist) {
		// Somebody was quicker, or the answer to a link got lost on the network.
		quiet := func(int) error { return w.alive(0) }
		there, err = a.find(w, dir, obj, quiet)
		if err == nil && !there {
			err = errors.New("the name was taken and is free again")
		}
	}
	return err
}

// find reports whether the archive has obj already, and makes sure that it is
// on the disk. Another content of that name is a refusal. alive is told of the
// bytes looked through.
func (a *Archive) find(w *watch, dir folder, obj sink.Object, alive func(n int) error) (bool, error) {
	info, err := dir.Lstat(keyOf(obj))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular() || info.Size() != obj.Size:
		return false, a.conflict(obj)
	}
	err = a.compare(dir, keyOf(obj), obj, alive)
	if errors.Is(err, errOther) {
		return false, a.conflict(obj)
	}
	if err != nil {
		return false, err
	}
	return true, a.settle(dir, keyOf(obj))
}

func (a *Archive) conflict(obj sink.Object) error {
	return &sink.Error{Kind: sink.Permanent,
		Err:  fmt.Errorf("%s has a file of the name %s with another content, which is not overwritten", a.path, keyOf(obj)),
		Hint: "look at both, and give one of them another name"}
}

// write puts obj under a temporary name and onto the disk. The file comes back
// open, also beside an error.
func (a *Archive) write(w *watch, dir folder, obj sink.Object) (temp string, f file, err error) {
	if temp, f, err = dir.Create(obj.Name); err != nil {
		return "", nil, err
	}
	if err = a.copy(w, f, obj); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = w.alive(0)
	}
	return temp, f, err
}

func (a *Archive) copy(w *watch, f file, obj sink.Object) error {
	buf := a.buffers.Get().(*[chunk]byte)
	defer a.buffers.Put(buf)
	sum := sha256.New()
	for off, synced := int64(0), int64(0); off < obj.Size; {
		n, err := w.readAt(obj.Content, buf[:min(chunk, obj.Size-off)], off)
		if n == 0 && err != nil {
			return changed(fmt.Errorf("read at byte %d of %d: %w", off, obj.Size, err), err)
		}
		if err := w.alive(n); err != nil {
			return err
		}
		if _, err := f.Write(buf[:n]); err != nil {
			return err
		}
		sum.Write(buf[:n])
		off += int64(n)
		if off-synced >= syncEvery {
			if err := f.Sync(); err != nil {
				return err
			}
			synced = off
		}
	}
	if [sha256.Size]byte(sum.Sum(nil)) != obj.SHA256 {
		return &sink.Error{Kind: sink.Changed, Err: errors.New("the file is not what it was when it was hashed")}
	}
	return nil
}

// changed says that the object is not what it was said to be.
func changed(err, cause error) error {
	if errors.Is(cause, errOver) {
		return errOver
	}
	return &sink.Error{Kind: sink.Changed, Err: err}
}

// prove reads back what was written.
func (a *Archive) prove(w *watch, dir folder, name string, obj sink.Object) error {
	err := a.compare(dir, name, obj, func(int) error { return w.alive(0) })
	if errors.Is(err, errOther) {
		return errors.New("not proven: what was written is not what is read back")
	}
	return err
}

// compare reads a file from the disk: errOther if it is not obj.
func (a *Archive) compare(dir folder, name string, obj sink.Object, alive func(n int) error) error {
	f, err := dir.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	buf := a.buffers.Get().(*[chunk]byte)
	defer a.buffers.Put(buf)
	sum := sha256.New()
	for size := int64(0); ; {
		n, err := f.Read(buf[:])
		sum.Write(buf[:n])
		size += int64(n)
		switch {
		case errors.Is(err, io.EOF) && size == obj.Size && bytes.Equal(sum.Sum(nil), obj.SHA256[:]):
			return nil
		case errors.Is(err, io.EOF), size > obj.Size:
			return errOther
		case err != nil:
			return err
		}
		if err := alive(n); err != nil {
			return err
		}
	}
}

// tempName returns a dot name of our own pattern, which no other try has.
func tempName(name string) string {
	var token [8]byte
	_, _ = rand.Read(token[:]) // never fails
	return "." + name + "." + hex.EncodeToString(token[:]) + tempSuffix
}
