package uploader

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/store"
)

// walk calls found for each file that is given or below a given directory, in
// name order, skipped for what is neither below one, failed for what cannot be
// read. It fails only when ctx ends. It holds one directory's names at a time.
func walk(ctx context.Context, paths []string, found, skipped func(path string), failed func(error)) error {
	for _, path := range paths {
		info, err := os.Stat(path) // follows a link: it was asked for
		switch {
		case err != nil:
			failed(fmt.Errorf("push %s: %w", redact.Text(path), err))
		case info.IsDir():
			if err := walkDir(ctx, path, found, skipped, failed); err != nil {
				return err
			}
		case info.Mode().IsRegular():
			found(path)
		default:
			failed(fmt.Errorf("push %s: %w", redact.Text(path), store.ErrNotRegular))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func walkDir(ctx context.Context, dir string, found, skipped func(path string), failed func(error)) error {
	// A given link to a directory is followed, which WalkDir would not.
	if target, err := filepath.EvalSymlinks(dir); err == nil {
		dir = target
	}
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			failed(fmt.Errorf("push %s: %w", redact.Text(path), err))
		case entry.IsDir():
		case entry.Type().IsRegular():
			found(path)
		default:
			skipped(path)
		}
		return nil
	})
}

// Measure counts what Push would put: for a progress bar. What cannot be read
// is not counted; Push says so.
func Measure(ctx context.Context, paths []string) (files int, bytes int64, err error) {
	count := func(path string) {
		if info, err := os.Stat(path); err == nil {
			files++
			bytes += info.Size()
		}
	}
	err = walk(ctx, paths, count, func(string) {}, func(error) {})
	return files, bytes, err
}
