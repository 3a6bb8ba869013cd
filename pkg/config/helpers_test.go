package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write puts a file into a directory of the test's own and returns its path.
func write(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load loads a config.ini of that content in a directory of its own.
func load(t testing.TB, content string, environ ...string) (*Config, error) {
	t.Helper()
	return Load(Source{Path: write(t, t.TempDir(), "config.ini", content), Environ: environ})
}

// good is load for content that has no problem.
func good(t testing.TB, content string, environ ...string) *Config {
	t.Helper()
	c, err := load(t, content, environ...)
	if err != nil {
		t.Fatalf("Load of %q: %v", content, err)
	}
	return c
}

func wantText(t testing.TB, what, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(got, w) {
			t.Errorf("%s = %q, want it to contain %q", what, got, w)
		}
	}
}
