package config

import (
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/storj/twitter-stream/pkg/redact"
)

// Origins that are no file.
const (
	fromEnvironment = "environment"
	fromFlag        = "flag"
)

// loader is one run of Load.
type loader struct {
	src      Source
	environ  map[string]string
	config   *Config
	problems Errors
}

// readFile takes the keys of config.ini.
func (l *loader) readFile() {
	path := l.config.Path
	file, err := readINI(path)
	if errors.Is(err, fs.ErrNotExist) {
		l.problems = append(l.problems, Problem{File: path, Allowed: "there is no such file: copy the config.ini that comes with twitter-stream there, or name yours with -c FILE"})
		return
	}
	if err != nil {
		l.problems = append(l.problems, Problem{File: path, Allowed: err.Error()})
		return
	}
	for _, p := range file.problems {
		p.File = path
		l.problems = append(l.problems, p)
	}
	unknown := 0
	for _, name := range slices.Sorted(maps.Keys(file.values)) {
		if _, ok := find(name); ok {
			l.config.origins[name] = origin{file: path, name: name, text: file.values[name]}
			continue
		}
		if unknown++; unknown <= maxReported {
			l.warn("%s: unknown key %s%s", path, redact.Text(name), hint(name))
		}
	}
	if unknown > maxReported {
		l.warn("%s: and %d more unknown keys", path, unknown-maxReported)
	}
	l.warnLoose(path, holdsSecret(file.values))
}

// holdsSecret reports whether config.ini's values are nobody else's to read.
func holdsSecret(values map[string]string) bool {
	for _, k := range keys {
		value := values[k.Name]
		if k.Secret && value != "" {
			return true
		}
		if u, err := url.Parse(value); k.url && err == nil && u.User != nil {
			return true
		}
	}
	return false
}

// hint says what an unknown key may have meant.
func hint(name string) string {
	for _, c := range credentials {
		if name == c.name {
			return " (it belongs in the file that " + c.fileKey + " names)"
		}
	}
	if slices.Contains(storageNames(), name) {
		return " (it belongs in the file that " + storageFileKey + " names)"
	}
	if near := Nearest(name, keyNames()); near != "" {
		return ": did you mean " + near + "?"
	}
	return ""
}

func keyNames() []string {
	var names []string
	for _, k := range keys {
		names = append(names, k.Name)
	}
	return names
}

// readFlags takes what the command line said.
func (l *loader) readFlags() {
	for _, name := range slices.Sorted(maps.Keys(l.src.Flags)) {
		l.config.origins[name] = origin{file: fromFlag, name: name, text: l.src.Flags[name]}
		if _, ok := find(name); !ok {
			l.problems = append(l.problems, Problem{File: fromFlag, Key: redact.Text(name), Allowed: "no such key" + hint(name)})
		}
	}
}

// setKeys parses every key's value, or its default.
func (l *loader) setKeys() {
	for _, k := range keys {
		o, ok := l.config.origins[k.Name]
		if !ok {
			o = origin{l.config.Path, k.Name, k.Default, true}
			l.config.origins[k.Name] = o
		}
		if strings.ContainsFunc(o.text, unicode.IsControl) {
			l.problem(k.Name, "no control characters")
			continue
		}
		if err := k.set(l.config, o.text); err != nil {
			l.problem(k.Name, err.Error())
		}
	}
}

// checkStore refuses names that would clash within the store, where whatever
// begins with the prefix is uploaded and removed.
func (l *loader) checkStore() {
	c := l.config
	if strings.HasPrefix(c.WorkingName, c.Prefix) {
		l.problem("grabber_temp_file", "a name that does not begin with tweet_file_prefix ("+c.Prefix+")")
	}
	for _, reserved := range []string{"ledger", "rejected"} {
		if strings.EqualFold(c.WorkingName, reserved) { // some file systems ignore case
			l.problem("grabber_temp_file", "a name that the store does not use itself, as it does "+reserved)
		}
	}
	if c.LedgerCopy != "" && isWithin(c.LedgerCopy, c.StoreDir) {
		l.problem("ledger_copy", "a directory outside the store, best on another disk")
	}
	if c.LogDir == c.StoreDir {
		l.problem("log_directory", "another directory than grabber_storage_directory")
	}
}

// checkFiles refuses files that would overwrite one another or be uploaded.
func (l *loader) checkFiles() {
	c := l.config
	for _, f := range []struct{ key, path string }{{apiFileKey, c.APIFile}, {oauthFileKey, c.OAuthFile}} {
		if filepath.Dir(f.path) == c.StoreDir {
			l.problem(f.key, "a file outside the store")
		}
		if f.path == c.Path {
			l.problem(f.key, "another file than config.ini")
		}
	}
	if c.APIFile == c.OAuthFile {
		l.problem(oauthFileKey, "another file than "+apiFileKey)
	}
}
