package sandbox

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// CleanEnviron returns environ without what could lead a program of a demo or
// a test anywhere else: every TWITTER_STREAM_* and every proxy variable.
func CleanEnviron(environ []string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(strings.ToUpper(entry), "=")
		return strings.HasPrefix(name, "TWITTER_STREAM_") || strings.HasSuffix(name, "_PROXY")
	})
}

// Source is what the programs must be told of a stream's server.
type Source struct {
	Keys       map[string]string // of config.ini
	API, OAuth map[string]string // of the two token files
}

// Source is what leads the programs to this Twitter, authorised already.
func (t *Twitter) Source() Source {
	c := t.Credentials()
	return Source{
		Keys: map[string]string{
			"stream_url": t.StreamURL(), "stream_auth": "oauth1",
			"request_token_url": t.URL() + "/oauth/request_token",
			"authorize_url":     t.URL() + "/oauth/authorize?oauth_token=",
			"access_token_url":  t.URL() + "/oauth/access_token",
		},
		API:   map[string]string{"consumer_key": c.ConsumerKey, "consumer_secret": c.ConsumerSecret},
		OAuth: map[string]string{"oauth_token": c.OAuthToken, "oauth_token_secret": c.OAuthTokenSecret},
	}
}

// WriteConfig makes dir ready for the programs to run in against tw and node:
// config.ini and both token files, as after a first run. A nil server is
// "none". extra adds or replaces keys. It returns config.ini's path.
func WriteConfig(dir string, tw *Twitter, node *Node, extra map[string]string) (path string, err error) {
	var source Source
	if tw != nil {
		source = tw.Source()
	} else {
		c := DefaultCredentials()
		source.API = map[string]string{"consumer_key": c.ConsumerKey, "consumer_secret": c.ConsumerSecret}
		source.OAuth = map[string]string{"oauth_token": c.OAuthToken, "oauth_token_secret": c.OAuthTokenSecret}
	}
	return WriteSource(dir, source, node, extra)
}

// WriteSource does the same for any source.
func WriteSource(dir string, source Source, node *Node, extra map[string]string) (path string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path = filepath.Join(dir, "config.ini")
	if err := os.WriteFile(path, []byte(ConfigText(source, node, extra)), 0o600); err != nil {
		return "", err
	}
	for name, pairs := range map[string]map[string]string{"config_twitter_api.ini": source.API, "config_twitter_oauth.ini": source.OAuth} {
		if len(pairs) == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(iniText(pairs)), 0o600); err != nil {
			return "", err
		}
	}
	return path, nil
}

// ConfigText is a config.ini for a source and a node; a nil one is none.
func ConfigText(source Source, node *Node, extra map[string]string) string {
	keys := map[string]string{
		"grabber_storage_directory": "store", "log_directory": "logs", "warn": "0",
		"stream_url": "none", "upload_url": "none",
	}
	maps.Copy(keys, source.Keys)
	if node != nil {
		keys["upload_url"] = node.UploadURL()
		if node.cfg.Token != "" {
			keys["upload_token"] = node.cfg.Token
		}
	}
	maps.Copy(keys, extra)
	return iniText(keys)
}

func iniText(keys map[string]string) string {
	var b strings.Builder
	b.WriteString("[DEFAULT]\n")
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		fmt.Fprintf(&b, "%s = %s\n", key, keys[key])
	}
	return b.String()
}
