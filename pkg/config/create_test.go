package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSetKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"replaced", "[DEFAULT]\na = 1\nwarn = 0 \nb = 2\n", "[DEFAULT]\na = 1\nwarn = new \nb = 2\n"},
		{"empty", "[DEFAULT]\nwarn =\nb = 2\n", "[DEFAULT]\nwarn = new\nb = 2\n"},
		{"empty, last", "warn=", "warn= new"},
		{"line end of Windows", "warn =\r\nb = 2\r\n", "warn = new\r\nb = 2\r\n"},
		{"missing", "[DEFAULT]\nb = 2", "[DEFAULT]\nb = 2\nwarn = new\n"},
		{"a comment is none", "#warn = 1\n", "#warn = 1\nwarn = new\n"},
	} {
		if got := string(setKey([]byte(tt.in), "warn", "new")); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.ini")
	secret := `a%b#c;d="e\`
	err := Create(path, []byte("[DEFAULT]\nstream_url = none\nstream_token =\n"),
		map[string]string{"stream_token": secret, "stream_url": "https://example.org/s", "upload_url": "none"})
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("mode %v, %v: others may read it", info.Mode(), err)
	}
	c, err := Load(Source{Path: path})
	if err != nil || c.StreamToken != secret || c.StreamURL != "https://example.org/s" || c.UploadURL != "" {
		t.Errorf("loaded %q %q %q, %v", c.StreamToken, c.StreamURL, c.UploadURL, err)
	}
	before, _ := os.ReadFile(path)
	if err := Create(path, []byte("[DEFAULT]\n"), nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing file: %v, want fs.ErrExist", err)
	}
	if after, _ := os.ReadFile(path); string(after) != string(before) {
		t.Error("the existing file was changed")
	}
	if err := Create(filepath.Join(t.TempDir(), "nowhere", "config.ini"), nil, nil); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("without a directory: %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ key, value, wrong string }{
		{"upload_retries", "3", ""},
		{"upload_retries", "many", "whole number"},
		{"stream_contact", "me (here)", "plain ASCII"},
		{"stream_token", "two\nlines", "one line"},
		{"no_such_key", "1", "no key no_such_key"},
	} {
		err := Check(tt.key, tt.value)
		if (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
			t.Errorf("Check(%q, %q) = %v, want %q", tt.key, tt.value, err, tt.wrong)
		}
	}
}
