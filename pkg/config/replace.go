package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// maxLinks is how many links in a row are followed, as Linux has it.
const maxLinks = 40

// target returns what a path means after links, whether or not it exists: a
// rename would otherwise replace the link.
func target(path string) (string, error) {
	for range maxLinks {
		link, err := os.Readlink(path)
		if err != nil {
			return path, nil // no link, or nothing there
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(path), link)
		}
		path = link
	}
	return "", fmt.Errorf("more than %d links", maxLinks)
}

// tempPattern is the name of a temporary file beside path, for os.CreateTemp,
// which makes it 0600 from its first instant.
func tempPattern(path string) string { return "." + filepath.Base(path) + ".new-" }

// replace puts data at path so that there is, after a kill or a power cut at
// any instant, either the old content or the new: write beside it, fsync,
// rename over it, fsync the directory. The owner stays.
func replace(path string, data []byte, mode fs.FileMode) (err error) {
	if path, err = target(path); err != nil {
		return err
	}
	removeStale(path)
	temp, err := os.CreateTemp(filepath.Dir(path), tempPattern(path))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name()) // gone already if the rename was done
		}
	}()
	if err = fill(temp, data, mode, path); err != nil {
		return errors.Join(err, temp.Close())
	}
	if err = temp.Close(); err != nil {
		return err
	}
	if err = os.Rename(temp.Name(), path); err != nil {
		return errors.Unwrap(err) // *os.LinkError, whose text names the temporary file
	}
	return syncDir(filepath.Dir(path))
}

func fill(temp *os.File, data []byte, mode fs.FileMode, path string) error {
	if _, err := temp.Write(data); err != nil {
		return err
	}
	if err := temp.Chmod(mode); err != nil {
		return err
	}
	if err := keepOwner(temp, path); err != nil {
		return err
	}
	return temp.Sync()
}

// removeStale removes what earlier processes left when they were killed
// between creating their temporary file and renaming it. A younger one may be
// another process's at work.
func removeStale(path string) {
	entries, _ := os.ReadDir(filepath.Dir(path)) // what cannot be listed is written to all the same
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && strings.HasPrefix(entry.Name(), tempPattern(path)) && time.Since(info.ModTime()) > time.Minute {
			_ = os.Remove(filepath.Join(filepath.Dir(path), entry.Name())) // the next one tries again
		}
	}
}
