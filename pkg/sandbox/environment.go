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

// WriteConfig makes dir ready for the programs to run in against tw and node:
// config.ini and both token files, as after a first run. A nil server is
// "none". extra adds or replaces keys. It returns config.ini's path.
func WriteConfig(dir string, tw *Twitter, node *Node, extra map[string]string) (path string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path = filepath.Join(dir, "config.ini")
	if err := os.WriteFile(path, []byte(configText(tw, node, extra)), 0o600); err != nil {
		return "", err
	}
	c := DefaultCredentials()
	if tw != nil {
		c = tw.Credentials()
	}
	if err := writeINI(filepath.Join(dir, "config_twitter_api.ini"),
		"consumer_key", c.ConsumerKey, "consumer_secret", c.ConsumerSecret); err != nil {
		return "", err
	}
	return path, writeINI(filepath.Join(dir, "config_twitter_oauth.ini"),
		"oauth_token", c.OAuthToken, "oauth_token_secret", c.OAuthTokenSecret)
}

// configText is a config.ini for the two servers.
func configText(tw *Twitter, node *Node, extra map[string]string) string {
	keys := map[string]string{
		"grabber_storage_directory": "store", "log_directory": "logs", "warn": "0",
		"stream_url": "none", "upload_url": "none",
	}
	if tw != nil {
		keys["stream_url"] = tw.StreamURL()
		keys["stream_auth"] = "oauth1"
		keys["request_token_url"] = tw.URL() + "/oauth/request_token"
		keys["authorize_url"] = tw.URL() + "/oauth/authorize?oauth_token="
		keys["access_token_url"] = tw.URL() + "/oauth/access_token"
	}
	if node != nil {
		keys["upload_url"] = node.UploadURL()
		if node.cfg.Token != "" {
			keys["upload_token"] = node.cfg.Token
		}
	}
	maps.Copy(keys, extra)
	var b strings.Builder
	b.WriteString("[DEFAULT]\n")
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		fmt.Fprintf(&b, "%s = %s\n", key, keys[key])
	}
	return b.String()
}

// writeINI writes pairs of key and value.
func writeINI(path string, pairs ...string) error {
	var b strings.Builder
	b.WriteString("[DEFAULT]\n")
	for i := 0; i+1 < len(pairs); i += 2 {
		fmt.Fprintf(&b, "%s = %s\n", pairs[i], pairs[i+1])
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}
