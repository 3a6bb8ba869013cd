package config

import (
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/storj/twitter-stream/pkg/network"
)

// credential is one of the four, or X's, and where it lies.
type credential struct {
	name    string // of the key in its file, in lower case
	fileKey string // the key of config.ini that names the file
	field   func(*Credentials) *string
}

var credentials = []credential{
	{"consumer_key", apiFileKey, func(c *Credentials) *string { return &c.ConsumerKey }},
	{"consumer_secret", apiFileKey, func(c *Credentials) *string { return &c.ConsumerSecret }},
	{"bearer_token", apiFileKey, func(c *Credentials) *string { return &c.BearerToken }},
	{"oauth_token", oauthFileKey, func(c *Credentials) *string { return &c.OAuthToken }},
	{"oauth_token_secret", oauthFileKey, func(c *Credentials) *string { return &c.OAuthTokenSecret }},
}

const (
	apiFileKey   = "config_twitter_api_filename"
	oauthFileKey = "config_twitter_oauth_filename"
)

// readCredentials takes the four from the token files, and over those from the
// environment.
func (l *loader) readCredentials() {
	l.readTokenFile(l.config.APIFile, apiFileKey)
	l.readTokenFile(l.config.OAuthFile, oauthFileKey)
	for _, c := range credentials {
		variable := Variable(c.name)
		value, set := l.environ[variable]
		path := l.environ[variable+fileSuffix]
		if set {
			path = ""
		} else if path != "" {
			variable += fileSuffix
			path = l.absolute(path)
			value, set = l.readSecretFile(variable, path)
		}
		if !set {
			continue
		}
		value = l.trimmed(variable, value)
		if strings.ContainsFunc(value, unicode.IsControl) {
			l.problems = append(l.problems, Problem{fromEnvironment, variable, "(secret)", "one line without control characters"})
		}
		*c.field(&l.config.Credentials) = value
		l.config.origins[c.name] = origin{file: fromEnvironment, name: variable, text: path}
	}
	if l.config.StreamKind == network.X && len(l.config.Credentials.MissingKey()) == 0 {
		l.readBearer()
	}
}

// absolute is where a path from the environment leads: like every other one it
// starts at config.ini's directory, wherever a process was started.
func (l *loader) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(l.config.Dir, path)
}

// CredentialFiles returns every file that the four credentials are, or would
// be, read from.
func (c *Config) CredentialFiles() []string {
	files := []string{c.APIFile, c.OAuthFile}
	for _, cred := range credentials {
		if path := c.origins[cred.name].text; path != "" {
			files = append(files, path)
		}
	}
	return files
}

// readSecretFile reads the file that a variable names. Its last line end is
// an editor's and not worth a word.
func (l *loader) readSecretFile(variable, path string) (value string, ok bool) {
	data, err := readSmall(path)
	if err != nil {
		l.problems = append(l.problems, Problem{fromEnvironment, variable, path, err.Error()})
		return "", false
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), true
}

// trimmed takes off blanks that were pasted around a secret, and says so.
func (l *loader) trimmed(where, value string) string {
	bare := strings.TrimSpace(value)
	if bare != value {
		l.warn("%s: blanks or line ends around the value were taken off", where)
	}
	return bare
}

// readTokenFile takes one file's two of the four; that there is none is fine.
func (l *loader) readTokenFile(path, fileKey string) {
	file, err := readINI(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		l.problems = append(l.problems, Problem{File: path, Allowed: err.Error()})
		return
	}
	for _, p := range file.problems {
		p.File = path
		if p.Value != "" {
			p.Value = "(not shown)" // a pasted secret may look like a section or a key
		}
		l.problems = append(l.problems, p)
	}
	for _, c := range credentials {
		if value, ok := file.values[c.name]; ok && c.fileKey == fileKey {
			delete(file.values, c.name)
			*c.field(&l.config.Credentials) = l.secret(path, c.name, value, file.lines[c.name])
			l.config.origins[c.name] = origin{file: path, name: c.name}
		}
	}
	l.warnUnknownTokens(path, fileKey, slices.Sorted(maps.Keys(file.values)))
	l.warnLoose(path, true)
}

// secret undoes what writing a value may have done to it, and what pasting it.
func (l *loader) secret(path, name, value string, at line) string {
	name = strings.ToUpper(name)
	if strings.Trim(at.text[at.end:], "\r\n") != "" {
		l.warn("%s: %s: blanks after the value were taken off", path, name)
	}
	if inner, ok := unquote(value); ok {
		if strings.TrimSpace(inner) != inner {
			l.warn("%s: %s: the blanks within the quotes are taken as part of the value", path, name)
		}
		value = inner
	} else if value == "None" {
		return ""
	}
	if strings.ContainsFunc(value, unicode.IsControl) {
		l.problems = append(l.problems, Problem{path, name, "(secret)", "no control characters"})
	}
	return value
}

// warnUnknownTokens says that there are keys which are not read. A name is
// shown only if it resembles one of ours: a pasted secret that ends in an
// equals sign looks like a key.
func (l *loader) warnUnknownTokens(path, fileKey string, names []string) {
	var known []string
	for _, c := range credentials {
		if c.fileKey == fileKey {
			known = append(known, c.name)
		}
	}
	l.warnUnknown(path, known, names)
}

func (l *loader) warnUnknown(path string, known, names []string) {
	hidden := 0
	for _, name := range names {
		if near := Nearest(name, known); near != "" && distance(name, near) <= 3 {
			l.warn("%s: unknown key %s: did you mean %s?", path, name, strings.ToUpper(near))
		} else {
			hidden++
		}
	}
	if hidden > 0 {
		l.warn("%s: %d key(s) other than %s and %s are not read", path, hidden, strings.ToUpper(known[0]), strings.ToUpper(known[1]))
	}
}

// quote writes a secret so that reading it gives the same bytes: with a pair
// of double quotes, which the original takes off too, where the bare value
// would lose something.
func quote(value string) string {
	_, quoted := unquote(value)
	if quoted || value == "" || value == "None" || strings.TrimSpace(value) != value {
		return `"` + value + `"`
	}
	return value
}

// unquote takes off one outer pair of double quotes.
func unquote(value string) (inner string, ok bool) {
	if len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"' {
		return value, false
	}
	return value[1 : len(value)-1], true
}
