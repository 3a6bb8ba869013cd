package directory

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/storj/twitter-stream/pkg/dirfs"
	"github.com/storj/twitter-stream/pkg/sink"
)

// batch is how many files are looked at between two signs of life.
const batch = 256

// List names the regular files whose keys begin with prefix, following no
// links. Dot names are the archive's own.
func (a *Archive) List(ctx context.Context, prefix string, each func(sink.Found) error) error {
	// From the top, whatever the prefix: a link may be part of it.
	l := &lister{a: a, ctx: ctx, prefix: prefix, todo: []string{"."}}
	defer l.close()
	if err := l.step(l.begin); err != nil {
		return err
	}
	for len(l.todo) > 0 || l.at != nil {
		if err := l.step(l.next); err != nil {
			return err
		}
		for _, found := range l.found {
			if err := each(found); err != nil {
				return err
			}
		}
		l.found = nil // not the same memory: a step that hangs may still write to it
	}
	return nil
}

// lister walks the directories below the archive, one of them open at a time.
type lister struct {
	a      *Archive
	ctx    context.Context
	prefix string

	dir   *dirfs.Dir
	todo  []string // directories that are still to be listed
	name  string   // of at
	at    *os.File // the directory being listed
	found []sink.Found
	lost  bool // a step hangs, which has all of this
}

func (l *lister) step(work func() error) error {
	if l.ctx.Err() != nil {
		return l.ctx.Err()
	}
	ended := make(chan struct{})
	err := l.a.guard(l.ctx, l.a.cfg.Timeout, func(*watch) error {
		defer close(ended)
		return work()
	})
	select {
	case <-ended:
	default:
		l.lost = err != nil
	}
	if err != nil && l.ctx.Err() != nil {
		return l.ctx.Err()
	}
	return l.a.unread("", err)
}

func (l *lister) begin() (err error) {
	l.dir, err = l.a.visit()
	return err
}

// next lists a part of a directory.
func (l *lister) next() error {
	if l.at == nil {
		last := len(l.todo) - 1
		l.name, l.todo = l.todo[last], l.todo[:last]
		at, err := l.dir.OpenDir(l.name)
		if errors.Is(err, fs.ErrNotExist) {
			return l.gone()
		}
		if err != nil {
			return err
		}
		l.at = at
	}
	entries, err := l.at.ReadDir(batch)
	for _, entry := range entries {
		if err := l.entry(entry); err != nil {
			return err
		}
	}
	if errors.Is(err, io.EOF) {
		err = l.at.Close()
		l.at = nil
	}
	return err
}

// gone is a directory that is not there any more: no objects, as long as the
// archive itself is there.
func (l *lister) gone() error {
	err := l.a.lacks(l.dir)
	if errors.Is(err, sink.ErrNotFound) {
		return nil
	}
	return err
}

func (l *lister) entry(entry fs.DirEntry) error {
	key := path.Join(l.name, entry.Name())
	switch {
	case strings.HasPrefix(entry.Name(), "."):
		return nil
	case entry.IsDir():
		if below := key + "/"; strings.HasPrefix(below, l.prefix) || strings.HasPrefix(l.prefix, below) {
			l.todo = append(l.todo, key)
		}
		return nil
	case !entry.Type().IsRegular(), !strings.HasPrefix(key, l.prefix):
		return nil
	}
	info, err := entry.Info()
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	l.found = append(l.found, sink.Found{Key: key, Size: info.Size(), Modified: info.ModTime()})
	return nil
}

// close leaves alone what a step that hangs has.
func (l *lister) close() {
	if l.lost {
		return
	}
	if l.at != nil {
		_ = l.at.Close() // only read
	}
	if l.dir != nil {
		_ = l.dir.Close() // only read
	}
}
