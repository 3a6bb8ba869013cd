package directory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/storj/twitter-stream/pkg/sink"
)

// keyOf is where an object goes, below the archive.
func keyOf(obj sink.Object) string {
	if obj.Key == "" {
		return obj.Name
	}
	return obj.Key
}

// parents calls each with the directories that a key leads through, from the
// archive down.
func parents(key string, each func(name string) error) error {
	for i := range key {
		if key[i] != '/' {
			continue
		}
		if err := each(key[:i]); err != nil {
			return err
		}
	}
	return nil
}

// makeParents makes the directories that a key leads through. A link is none,
// wherever it leads. Their names become durable when the object's does (settle):
// whoever made them may have died before that.
func (a *Archive) makeParents(dir folder, obj sink.Object) error {
	mode := fs.FileMode(0o755) // as readable as the files in it: the archive's own mode decides
	if obj.Private {
		mode = 0o700
	}
	return parents(keyOf(obj), func(name string) error {
		info, err := dir.Lstat(name)
		if errors.Is(err, fs.ErrNotExist) {
			if err = dir.Mkdir(name, mode); errors.Is(err, fs.ErrExist) {
				err = nil // another process was quicker
			}
			a.durable.forget() // the system may give it the number of one that is gone
			if err == nil {
				info, err = dir.Lstat(name)
			}
		}
		if err == nil && !info.IsDir() {
			return &sink.Error{Kind: sink.Pause, Err: fmt.Errorf("%s in the archive is no directory, so that nothing can be put below it", name),
				Hint: "look what it is, and move it out of the way" + goesOn}
		}
		return err
	})
}

// settle makes a key durable, the directories that lead to it included, in the
// directory that the archive's path leads to: from the object up. Of a directory
// whose own name this process has made durable before, only what is in it is.
func (a *Archive) settle(dir folder, key string) error {
	up := []string{"."}
	err := parents(key, func(name string) error {
		up = append(up, name)
		return nil
	})
	slices.Reverse(up)
	var parent fs.FileInfo
	if err == nil {
		parent, err = dir.Lstat(up[0])
	}
	if err == nil {
		err = syncDir(dir, up[0])
	}
	if err == nil && !a.durable.has(up[0], parent) {
		for _, name := range up[1:] {
			if err == nil {
				err = syncDir(dir, name)
			}
		}
		if err == nil {
			a.durable.add(up[0], parent)
		}
	}
	if err != nil {
		return err
	}
	if err := dir.Here(); err != nil {
		return &sink.Error{Kind: sink.Pause, Err: fmt.Errorf("the archive went away meanwhile: %w", err), Hint: comeBack}
	}
	return nil
}

func syncDir(dir folder, name string) error {
	if name == "." {
		return dir.Sync()
	}
	return dir.SyncDir(name)
}

// maxDurable bounds what is remembered; a capture's files lie in one directory
// after the other.
const maxDurable = 256

// durable are directories whose names, and those of all above them, this process
// has seen on the disk.
type durable struct {
	mu  sync.Mutex // guards all
	all map[string]fs.FileInfo
}

func (d *durable) has(name string, now fs.FileInfo) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	then, ok := d.all[name]
	return ok && os.SameFile(then, now)
}

func (d *durable) add(name string, info fs.FileInfo) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil || len(d.all) >= maxDurable {
		d.all = map[string]fs.FileInfo{}
	}
	d.all[name] = info
}

// forget is for a directory that is made anew.
func (d *durable) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = nil
}
