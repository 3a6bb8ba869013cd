package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode"
)

// bearerSuffix makes the name of the file of a fetched token: one of its own,
// so that the user's stays as it is, and that a daemon which watches the user's
// sees no change when a child keeps a token.
const bearerSuffix = ".bearer"

// keyOf is the member that says with which application's key a token was
// fetched: with another one it is worth nothing.
const keyOf = "bearer_token_of"

// BearerFile returns the file in which a fetched token is kept.
func (c *Config) BearerFile() string { return c.APIFile + bearerSuffix }

// readBearer takes over the token that was fetched with the present key. What
// cannot be read is fetched again.
func (l *loader) readBearer() {
	c := l.config
	path := c.BearerFile()
	file, err := readINI(path)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			l.warn("%s: %v: the token is fetched again", path, err)
		}
		return
	}
	token, sound := unquote(file.values["bearer_token"])
	if len(file.problems) == 0 && sound && file.values[keyOf] == c.keyMark() && !strings.ContainsFunc(token, unicode.IsControl) {
		c.Credentials.FetchedBearer = token
	}
	l.warnLoose(path, true)
}

// keyMark tells keys apart and gives nothing of them away.
func (c *Config) keyMark() string {
	sum := sha256.Sum256([]byte(c.Credentials.ConsumerKey + "\x00" + c.Credentials.ConsumerSecret))
	return hex.EncodeToString(sum[:8])
}

// SaveBearer keeps a token that was fetched with the present key, and takes it
// over into c; "" forgets it. When it returns nil that is on disk. The error is
// Errors.
func (c *Config) SaveBearer(token string) error {
	path := c.BearerFile()
	if token == "" {
		c.Credentials.FetchedBearer = ""
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Errors{{path, "", "", fmt.Sprintf("cannot be removed: %v", plain(err))}}
		}
		return nil
	}
	text := fmt.Sprintf("# A token that was fetched with the application's key; it is fetched again if this is removed.\n"+
		"[DEFAULT]\nBEARER_TOKEN = \"%s\"\n%s = %s\n", token, strings.ToUpper(keyOf), c.keyMark())
	if err := replace(path, []byte(text), 0o600); err != nil {
		return Errors{{path, "", "", fmt.Sprintf("cannot be written: %v", plain(err))}}
	}
	c.Credentials.FetchedBearer = token
	return nil
}

// CanSaveBearer fails, naming the reason, when SaveBearer would fail or a token
// that is set elsewhere would override what it keeps. The error is Errors.
func (c *Config) CanSaveBearer() error {
	var problems Errors
	if variable := c.OverriddenBy("bearer_token"); variable != "" {
		problems = append(problems, Problem{fromEnvironment, variable, "", "unset it, since it would override the token that is to be fetched"})
	} else if c.Credentials.BearerToken != "" {
		problems = append(problems, Problem{c.APIFile, "BEARER_TOKEN", "(secret)", "remove it, since it would override the token that is to be fetched"})
	}
	if c.StreamToken != "" {
		problems = append(problems, Problem{c.origins["stream_token"].file, "stream_token", "(secret)", "remove it, since it would override the token that is to be fetched"})
	}
	if err := probe(c.BearerFile()); err != nil {
		problems = append(problems, Problem{c.BearerFile(), "", "", fmt.Sprintf("cannot be written: %v", plain(err))})
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// GivenBearer returns the token that a person has set for the stream, "" where
// there is none.
func (c *Config) GivenBearer() string {
	if c.StreamToken != "" {
		return c.StreamToken
	}
	return c.Credentials.BearerToken
}

// MissingKey returns the names of the key's two parts that are unset: those with
// which a token is fetched.
func (c Credentials) MissingKey() []string {
	var missing []string
	for _, name := range c.Missing() {
		if strings.HasPrefix(name, "CONSUMER_") {
			missing = append(missing, name)
		}
	}
	return missing
}
