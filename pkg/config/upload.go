package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/storj/twitter-stream/pkg/objectkey"
)

// errUpload lists what upload_url may be.
var errUpload = errors.New("none, a node's URL such as https://node.example/api/upload, a bucket's such as s3://bucket/prefix?region=eu-central-1 or sj://bucket/prefix, a directory's such as file:///srv/archive, or a directory's path: /srv/archive, archive (beside config.ini) or ./my.archive")

// hasScheme recognises what is meant as a URL, however it goes on.
var hasScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// bareDirectory is a relative path that no mistyped URL looks like: its first
// element has no dot, as a host has, and none is empty, as after http//.
var bareDirectory = regexp.MustCompile(`^[A-Za-z0-9_-]+(/[^/:]+)*/?$`)

// nextUpload is where another value begins behind blanks: a URL or what is
// plainly a path. So a path may have blanks in it.
var nextUpload = regexp.MustCompile(`[ \t]+(?:[A-Za-z][A-Za-z0-9+.-]*://|\.{0,2}/)`)

// maxUploads is how many places a file may go to: the uploader keeps a bit for
// each beside each file.
const maxUploads = 16

// uploadURLs is the parser of upload_url.
func uploadURLs(c *Config, value string) error {
	c.UploadURL, c.UploadURLs = "", nil
	if strings.EqualFold(value, none) {
		return nil
	}
	for _, one := range splitUploads(value) {
		raw, err := uploadURL(c.Dir, one)
		if err != nil {
			return err
		}
		if slices.Contains(c.UploadURLs, raw) {
			return errors.New("each place once")
		}
		if c.UploadURLs = append(c.UploadURLs, raw); len(c.UploadURLs) > maxUploads {
			return fmt.Errorf("at most %d places", maxUploads)
		}
	}
	c.UploadURL = c.UploadURLs[0]
	return nil
}

func splitUploads(value string) (list []string) {
	for {
		at := nextUpload.FindStringIndex(value)
		if at == nil {
			return append(list, value)
		}
		list = append(list, value[:at[0]])
		value = strings.TrimLeft(value[at[0]:], " \t")
	}
}

// uploadURL takes one of them. A path becomes a file URL.
func uploadURL(dir, value string) (string, error) {
	if path := uploadPath(dir, value); path != "" {
		return fileURL(path), nil
	}
	u, err := url.Parse(value)
	if err != nil {
		return "", errUpload
	}
	if u.Scheme == "s3" || u.Scheme == "sj" {
		if u.Host == "" || u.User != nil || u.Fragment != "" {
			return "", errors.New("a bucket with no user and password before it (keys stand in the file that config_storage_filename names, or in the environment); what there is: " + errUpload.Error())
		}
		return value, nil
	}
	if u.Scheme == "file" {
		path := u.Path
		if u.Host != "" && u.Host != "localhost" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !strings.HasPrefix(path, "/") {
			return "", errors.New("a directory's URL with its absolute path, such as file:///srv/archive; " + "what else there is: " + errUpload.Error())
		}
		if runtime.GOOS == "windows" {
			path = strings.TrimPrefix(path, "/")
		}
		return fileURL(filepath.Clean(filepath.FromSlash(path))), nil
	}
	if _, err := httpURL(value); err != nil {
		return "", errUpload
	}
	return value, nil
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

// keyTemplate is the parser of upload_key.
func keyTemplate(value string) (string, error) {
	_, err := objectkey.Parse(value)
	return value, err
}

// checkArchives keeps the archives, the store and the logs apart.
func (l *loader) checkArchives() {
	for _, raw := range l.config.UploadURLs {
		l.checkArchive(raw)
	}
}

func (l *loader) checkArchive(raw string) {
	u, err := url.Parse(raw)
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
