package config

import (
	"errors"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// errUpload lists what upload_url may be.
var errUpload = errors.New("none, a node's URL such as https://node.example/api/upload, a directory's such as file:///srv/archive, or a directory's path: /srv/archive, archive (beside config.ini) or ./my.archive")

// hasScheme recognises what is meant as a URL, however it goes on.
var hasScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// bareDirectory is a relative path that no mistyped URL looks like: its first
// element has no dot, as a host has, and none is empty, as after http//.
var bareDirectory = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[^/:]+)*/?$`)

// uploadURL is the parser of upload_url. A path becomes a file URL.
func uploadURL(c *Config, value string) error {
	path := uploadPath(c.Dir, value)
	switch {
	case strings.EqualFold(value, none):
		c.UploadURL = ""
		return nil
	case path != "":
		c.UploadURL = fileURL(path)
		return nil
	}
	u, err := url.Parse(value)
	if err != nil {
		return errUpload
	}
	if u.Scheme == "file" {
		if path = u.Path; u.Host != "" && u.Host != "localhost" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !strings.HasPrefix(path, "/") {
			return errors.New("a directory's URL with its absolute path, such as file:///srv/archive; " + "what else there is: " + errUpload.Error())
		}
		if runtime.GOOS == "windows" {
			path = strings.TrimPrefix(path, "/")
		}
		c.UploadURL = fileURL(filepath.Clean(filepath.FromSlash(path)))
		return nil
	}
	if _, err := httpURL(value); err != nil {
		return errUpload
	}
	c.UploadURL = value
	return nil
}

// uploadPath returns the absolute path that value is, "" for what is none:
// absolute, or relative to dir and either plainly a path (./x) or such that no
// mistyped URL looks like it.
func uploadPath(dir, value string) string {
	switch {
	case value == "", strings.EqualFold(value, none), strings.HasPrefix(value, "//"):
		return ""
	case filepath.IsAbs(value):
		return filepath.Clean(value)
	case hasScheme.MatchString(value):
		return ""
	case value == ".", value == "..", strings.HasPrefix(value, "./"), strings.HasPrefix(value, "../"):
		return filepath.Join(dir, value)
	case bareDirectory.MatchString(value) && !isLoopback(strings.TrimRight(value, "/")) && !strings.HasPrefix(strings.ToLower(value), "localhost/"):
		return filepath.Join(dir, value)
	}
	return ""
}

func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") { // Windows: a drive
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// AbsoluteUpload returns a value of upload_url with a relative path made
// absolute from dir: what a person types is relative to where they are.
func AbsoluteUpload(dir, value string) string {
	if path := uploadPath(dir, value); path != "" {
		return fileURL(path)
	}
	return value
}

// checkArchive keeps the archive, the store and the logs apart.
func (l *loader) checkArchive() {
	u, err := url.Parse(l.config.UploadURL)
	if err != nil || u.Scheme != "file" {
		return
	}
	path := filepath.FromSlash(u.Path)
	if runtime.GOOS == "windows" {
		path = strings.TrimPrefix(path, `\`)
	}
	for key, other := range map[string]string{"grabber_storage_directory": l.config.StoreDir, "log_directory": l.config.LogDir} {
		if isWithin(path, other) || isWithin(other, path) {
			l.problem("upload_url", "a directory that neither is in "+key+" nor holds it")
			return
		}
	}
}

// isWithin reports whether path is dir or lies below it.
func isWithin(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}
