package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// SaveAPI writes the application's key and secret to APIFile and takes them
// over into c. When it returns nil they are on disk.
func (c *Config) SaveAPI(consumerKey, consumerSecret string) error {
	pairs := []pairOf{{"CONSUMER_KEY", consumerKey}, {"CONSUMER_SECRET", consumerSecret}}
	if c.origins["bearer_token"].file == c.APIFile && c.Credentials.BearerToken != "" { // it is a person's
		pairs = append(pairs, pairOf{"BEARER_TOKEN", c.Credentials.BearerToken})
	}
	err := saveTokens(c.APIFile, pairs...)
	if err == nil {
		c.Credentials.ConsumerKey, c.Credentials.ConsumerSecret = consumerKey, consumerSecret
	}
	return err
}

// SaveOAuth writes the access token and its secret to OAuthFile and takes
// them over into c. When it returns nil they are on disk.
func (c *Config) SaveOAuth(token, tokenSecret string) error {
	err := saveTokens(c.OAuthFile, pairOf{"OAUTH_TOKEN", token}, pairOf{"OAUTH_TOKEN_SECRET", tokenSecret})
	if err == nil {
		c.Credentials.OAuthToken, c.Credentials.OAuthTokenSecret = token, tokenSecret
	}
	return err
}

// CanSaveAPI fails, naming the reason, when SaveAPI would fail or what it
// writes would be overridden by the environment. The error is Errors.
func (c *Config) CanSaveAPI() error { return c.canSave(apiFileKey, c.APIFile) }

// CanSaveOAuth is CanSaveAPI for SaveOAuth.
func (c *Config) CanSaveOAuth() error { return c.canSave(oauthFileKey, c.OAuthFile) }

func (c *Config) canSave(fileKey, path string) error {
	var problems Errors
	for _, cred := range credentials {
		if variable := c.OverriddenBy(cred.name); variable != "" && cred.fileKey == fileKey && cred.name != "bearer_token" {
			problems = append(problems, Problem{fromEnvironment, variable, "",
				"unset it, since it would override what is to be saved in " + path})
		}
	}
	if err := probe(path); err != nil {
		problems = append(problems, Problem{path, "", "", fmt.Sprintf("cannot be written: %v", plain(err))})
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

// probe tries what replace does, without replacing anything.
func probe(path string) error {
	path, err := target(path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return errors.New("it is no regular file")
	}
	temp, err := os.CreateTemp(filepath.Dir(path), tempPattern(path))
	if err != nil {
		return err
	}
	return errors.Join(temp.Close(), os.Remove(temp.Name()))
}

// pairOf is a name and its secret.
type pairOf struct{ name, value string }

// saveTokens writes a file that this package, the original and Python's
// configparser read alike.
func saveTokens(path string, pairs ...pairOf) error {
	text := "[DEFAULT]\n"
	for _, p := range pairs {
		if strings.ContainsFunc(p.value, unicode.IsControl) {
			return Errors{{path, p.name, "(secret)", "one line without control characters"}}
		}
		text += fmt.Sprintf("%s = %s\n", p.name, quote(p.value))
	}
	if err := replace(path, []byte(text), 0o600); err != nil {
		return Errors{{path, "", "", fmt.Sprintf("cannot be written: %v", plain(err))}}
	}
	return nil
}
