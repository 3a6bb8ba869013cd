package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/storj/twitter-stream/pkg/redact"
)

const storageFileKey = "config_storage_filename"

// StorageKeys are what S3 and Storj know us by; "" is unset.
type StorageKeys struct {
	AccessKey, SecretKey, SessionToken string // S3
	StorjAccess                        string // Storj's access grant
}

// storageSecrets are the keys of the storage file, in lower case.
var storageSecrets = []struct {
	name  string
	field func(*StorageKeys) *string
}{
	{"s3_access_key", func(k *StorageKeys) *string { return &k.AccessKey }},
	{"s3_secret_key", func(k *StorageKeys) *string { return &k.SecretKey }},
	{"s3_session_token", func(k *StorageKeys) *string { return &k.SessionToken }},
	{"storj_access", func(k *StorageKeys) *string { return &k.StorjAccess }},
}

// amazonVariables hold secrets that Amazon's own tools read; so do we, where
// ours say nothing.
var amazonVariables = []string{
	"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
}

// storageVariables returns the variables of the storage's secrets.
func storageVariables() []string {
	var names []string
	for _, s := range storageSecrets {
		names = append(names, Variable(s.name), Variable(s.name)+fileSuffix)
	}
	return names
}

// bucketSection is the name of a section that is one bucket's alone.
var bucketSection = regexp.MustCompile(`^(s3|sj)://[A-Za-z0-9][A-Za-z0-9.-]*$`)

// storageSource is where the storage's secrets are read from, each time anew.
type storageSource struct {
	path    string
	environ map[string]string // ours that are about storage
}

// Storage returns the keys for an upload URL as they stand now in the storage
// file and the environment: first the section of its bucket, then the
// environment, then [DEFAULT]. All "" means that there are none. The error is
// Errors.
func (c *Config) Storage(raw string) (StorageKeys, error) {
	l := &loader{config: &Config{Dir: c.Dir}}
	read := l.storage(c.storage)
	if len(l.problems) > 0 {
		return StorageKeys{}, l.problems
	}
	keys := read[""]
	if u, err := url.Parse(raw); err == nil {
		own := read[u.Scheme+"://"+u.Host]
		if own.AccessKey != "" || own.SecretKey != "" { // the three belong together
			keys.AccessKey, keys.SecretKey, keys.SessionToken = own.AccessKey, own.SecretKey, own.SessionToken
		}
		if own.StorjAccess != "" {
			keys.StorjAccess = own.StorjAccess
		}
	}
	return keys, nil
}

// StorageFiles returns every file that the storage's keys are, or would be, read
// from.
func (c *Config) StorageFiles() []string {
	files := []string{c.StorageFile}
	for _, s := range storageSecrets {
		if path := c.storage.environ[Variable(s.name)+fileSuffix]; path != "" {
			files = append(files, (&loader{config: c}).absolute(path))
		}
	}
	return files
}

// readStorage notes where the storage's secrets are, and what is wrong with them.
func (l *loader) readStorage() {
	l.config.storage = storageSource{path: l.config.StorageFile, environ: map[string]string{}}
	for _, name := range storageVariables() {
		if value, ok := l.environ[name]; ok {
			l.config.storage.environ[name] = value
		}
	}
	l.storage(l.config.storage)
}

// storage reads the keys by section; "" is the environment over [DEFAULT].
func (l *loader) storage(from storageSource) map[string]StorageKeys {
	read := l.storageFile(from.path)
	common := read[""]
	for _, s := range storageSecrets {
		variable := Variable(s.name)
		value, set := from.environ[variable]
		if path := from.environ[variable+fileSuffix]; !set && path != "" {
			variable += fileSuffix
			value, set = l.readSecretFile(variable, l.absolute(path))
		}
		if !set {
			continue
		}
		value = l.trimmed(variable, value)
		if strings.ContainsFunc(value, unicode.IsControl) {
			l.problems = append(l.problems, Problem{fromEnvironment, variable, "(secret)", "one line without control characters"})
		}
		*s.field(&common) = value
	}
	read[""] = common
	return read
}

// storageFile reads the file; that there is none is fine.
func (l *loader) storageFile(path string) map[string]StorageKeys {
	read := map[string]StorageKeys{}
	data, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return read
	}
	if err != nil {
		l.problems = append(l.problems, Problem{File: path, Allowed: err.Error()})
		return read
	}
	lines := scan(data)
	for i, at := range lines {
		if at.kind == section && !at.isDefault() && !bucketSection.MatchString(at.name) {
			l.problems = append(l.problems, Problem{path, fmt.Sprintf("line %d", i+1), "section [" + redact.Text(at.name) + "]",
				"[DEFAULT], or a bucket's own such as [s3://bucket] or [sj://bucket]"})
		}
	}
	for name, own := range sections(lines) {
		read[name] = l.storageSection(path, own)
	}
	l.warnLoose(path, true)
	return read
}

// sections returns the lines of each section, those of others left empty so that
// a line's number stays what it is. [DEFAULT] is "".
func sections(lines []line) map[string][]line {
	all, name := map[string][]line{}, ""
	for i, l := range lines {
		if l.kind == section {
			if name = l.name; l.isDefault() {
				name = ""
			}
			continue
		}
		if all[name] == nil {
			all[name] = make([]line, len(lines))
		}
		all[name][i] = l
	}
	return all
}

// storageSection takes the keys of one section.
func (l *loader) storageSection(path string, own []line) (keys StorageKeys) {
	file := iniFile{lines: map[string]line{}}
	values, err := parse(file.guard(own))
	if err != nil {
		file.problems = append(file.problems, Problem{Allowed: err.Error()})
	}
	for _, p := range file.problems {
		if p.File = path; p.Value != "" {
			p.Value = "(not shown)" // a pasted secret may look like a key
		}
		l.problems = append(l.problems, p)
	}
	for _, s := range storageSecrets {
		if value, ok := values[s.name]; ok {
			delete(values, s.name)
			*s.field(&keys) = l.secret(path, s.name, value, file.lines[s.name])
		}
	}
	l.warnUnknown(path, storageNames(), slices.Sorted(maps.Keys(values)))
	return keys
}

func storageNames() []string {
	var names []string
	for _, s := range storageSecrets {
		names = append(names, s.name)
	}
	return names
}

// checkStorageFile keeps the file apart from what is uploaded or overwritten.
func (l *loader) checkStorageFile() {
	c := l.config
	switch {
	case filepath.Dir(c.StorageFile) == c.StoreDir:
		l.problem(storageFileKey, "a file outside the store")
	case c.StorageFile == c.Path, c.StorageFile == c.APIFile, c.StorageFile == c.OAuthFile:
		l.problem(storageFileKey, "a file of its own")
	}
}
