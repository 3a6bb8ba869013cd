// Package recorded finds and opens recorded messages: one file, or a directory
// of them, as uploader fetch makes one or as an archive is; also packed ones.
//
// It must not know what a message looks like, nor who sends it again.
package recorded

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// endings are those of files of messages; packed ones have another one behind.
var endings = []string{".jsonl", ".ndjson", ".sse"}

// Files returns the files of path: itself, or all files of messages below a
// directory, in the order of their paths. What begins with a dot or an underscore
// is hidden, as for all that reads partitions: copies of the books lie so.
func Files(path string) (files []string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open the messages to replay: %w", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != path && strings.ContainsAny(entry.Name()[:1], "._"):
			if entry.IsDir() {
				return filepath.SkipDir
			}
		case entry.Type().IsRegular() && slices.Contains(endings, filepath.Ext(Plain(name))):
			files = append(files, name)
		}
		return nil
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s has no file of messages (%s, or packed: .gz, .zst)", path, strings.Join(endings, ", "))
	}
	return files, err
}

// Plain is a path without the ending of a packed file.
func Plain(path string) string {
	return strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")
}

// Open opens one file and inflates it, if its first bytes say that it is packed.
func Open(path string) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the messages to replay: %w", err)
	}
	in := bufio.NewReaderSize(file, 64<<10)
	head, _ := in.Peek(4) // a shorter one is not packed
	opened := content{Reader: in, close: file.Close}
	switch {
	case strings.HasPrefix(string(head), "\x1f\x8b"):
		opened.Reader, err = gzip.NewReader(in)
	case string(head) == "\x28\xb5\x2f\xfd":
		var unpacked *zstd.Decoder
		if unpacked, err = zstd.NewReader(in, zstd.WithDecoderConcurrency(1)); err == nil {
			opened.Reader = unpacked
			opened.close = func() error { unpacked.Close(); return file.Close() }
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the messages to replay: %s: %w", path, err), file.Close())
	}
	return opened, nil
}

type content struct {
	io.Reader
	close func() error
}

func (c content) Close() error { return c.close() }
