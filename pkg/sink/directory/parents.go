package directory

import (
	"errors"
	"fmt"
	"io/fs"

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
func makeParents(dir folder, obj sink.Object) error {
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
// directory that the archive's path leads to: from the object up.
func settle(dir folder, key string) error {
	var up []string
	err := parents(key, func(name string) error {
		up = append(up, name)
		return nil
	})
	for i := len(up) - 1; i >= 0 && err == nil; i-- {
		err = dir.SyncDir(up[i])
	}
	if err == nil {
		err = dir.Sync()
	}
	if err != nil {
		return err
	}
	if err := dir.Here(); err != nil {
		return &sink.Error{Kind: sink.Pause, Err: fmt.Errorf("the archive went away meanwhile: %w", err), Hint: comeBack}
	}
	return nil
}
