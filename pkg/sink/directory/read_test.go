//go:build unix

package directory

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
)

// archiveOf returns an archive with files, by their keys.
func archiveOf(t *testing.T, change func(*Config), keys ...string) *Archive {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "archive")
	if _, err := Init(dir, false); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		path := filepath.Join(dir, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return reopen(t, dir, change)
}

func reopen(t *testing.T, dir string, change func(*Config)) *Archive {
	t.Helper()
	cfg := Config{URL: "file://" + dir, Timeout: 30 * time.Second, Command: "uploader init-dir"}
	if change != nil {
		change(&cfg)
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

func keysBelow(t *testing.T, a *Archive, prefix string) []string {
	t.Helper()
	keys := []string{}
	err := a.List(t.Context(), prefix, func(found sink.Found) error {
		if found.Size != int64(len(found.Key)) || found.Modified.IsZero() {
			t.Errorf("list: %+v, want the size %d", found, len(found.Key))
		}
		keys = append(keys, found.Key)
		return nil
	})
	if err != nil {
		t.Fatalf("list %q: %v", prefix, err)
	}
	slices.Sort(keys)
	return keys
}

func TestList(t *testing.T) {
	t.Parallel()
	all := []string{"_books/h/captured-2026-11.ndjson.zst", "bare.jsonl", "dt=2026-11-23/hour=13/a.jsonl",
		"dt=2026-11-23/hour=14/a.jsonl", "dt=2026-11-24/hour=00/b.jsonl"}
	a := archiveOf(t, nil, all...)
	for i := range 3 * batch { // more than one look
		if err := os.WriteFile(filepath.Join(a.path, tempName("x")), []byte{byte(i)}, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Symlink("/etc", filepath.Join(a.path, "etc")), os.Symlink("bare.jsonl", filepath.Join(a.path, "link")),
		os.Symlink("..", filepath.Join(a.path, "dt=2026-11-23", "up")), syscall.Mkfifo(filepath.Join(a.path, "fifo"), 0o600),
		os.Mkdir(filepath.Join(a.path, ".hidden"), 0o700), os.WriteFile(filepath.Join(a.path, ".hidden", "x"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for prefix, want := range map[string][]string{
		"": all, "dt=": all[2:], "dt=2026-11-23/": all[2:4], "dt=2026-11-23/hour=14/a": all[3:4], "b": all[1:2],
		"_books/h/": all[:1], "dt=2026-11-2": all[2:], "nowhere/": {}, "../": {}, "/etc/": {}, "dt=2026-11-23/up/": {},
	} {
		if got := keysBelow(t, a, prefix); !slices.Equal(got, want) {
			t.Errorf("list %q: %q, want %q", prefix, got, want)
		}
	}
	enough := errors.New("enough")
	if err := a.List(t.Context(), "", func(sink.Found) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("list: %v, want the error of each", err)
	}
}

// What is no object's file, or no key, is never opened.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	a := archiveOf(t, nil, "dt=1/a")
	outside := filepath.Join(filepath.Dir(a.path), "secret")
	if err := errors.Join(os.WriteFile(outside, []byte("secret"), 0o600), os.Symlink(outside, filepath.Join(a.path, "out")),
		os.Symlink("dt=1/a", filepath.Join(a.path, "in")), syscall.Mkfifo(filepath.Join(a.path, "fifo"), 0o600),
		os.Symlink("..", filepath.Join(a.path, "up"))); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"", "../secret", "/etc/passwd", "dt=1/../../secret", Marker, "dt=1/.x", "out", "in", "fifo", "up/secret", "dt=1", "a\x00b"} {
		ref := sink.Ref{Key: key}
		_, statErr := a.Stat(t.Context(), ref)
		body, openErr := a.Open(t.Context(), ref)
		for what, err := range map[string]error{"stat": statErr, "open": openErr} {
			var e *sink.Error
			if !errors.As(err, &e) || !e.Reading || errors.Is(err, sink.ErrNotFound) {
				t.Errorf("%s %q: %v, want a refusal", what, key, err)
			}
		}
		if body != nil {
			t.Errorf("open %q: there is something to read", key)
		}
	}
}

// An archive that is not there has nothing, and lacks nothing: a mount point
// without its disk says nothing about objects.
func TestReadOfNoArchive(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	empty := filepath.Join(parent, "empty")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	other := archiveOf(t, nil, "a")
	seen := &memory{id: "0123456789abcdef0123456789abcdef"}
	for name, a := range map[string]*Archive{
		"nothing":       reopen(t, filepath.Join(parent, "no"), nil),
		"no marker":     reopen(t, empty, nil),
		"away":          reopen(t, empty, func(c *Config) { c.Memory = seen }),
		"another's id":  reopen(t, other.path, func(c *Config) { c.Memory = seen }),
		"broken memory": reopen(t, other.path, func(c *Config) { c.Memory = &memory{err: errors.New("broken")} }),
	} {
		_, statErr := a.Stat(t.Context(), sink.Ref{Key: "a"})
		_, openErr := a.Open(t.Context(), sink.Ref{Key: "a"})
		listErr := a.List(t.Context(), "", func(sink.Found) error { return nil })
		for what, err := range map[string]error{"stat": statErr, "open": openErr, "list": listErr} {
			var e *sink.Error
			if !errors.As(err, &e) || !e.Reading || errors.Is(err, sink.ErrNotFound) {
				t.Errorf("%s, %s: %v, want that there is no archive", name, what, err)
			}
		}
	}
	if names := listing(t, parent); len(names) != 1 || len(listing(t, empty)) != 0 {
		t.Errorf("reading has made something: %q", names)
	}
	fresh := &memory{}
	a := reopen(t, other.path, func(c *Config) { c.Memory = fresh })
	if _, err := a.Stat(t.Context(), sink.Ref{Key: "a"}); err != nil || fresh.id != "" {
		t.Errorf("stat: %v; the id that it remembered: %q", err, fresh.id)
	}
}

// The disk goes while it is looked for: that is not "no such object".
func TestReadWhileArchiveGoes(t *testing.T) {
	t.Parallel()
	a := archiveOf(t, nil, "a")
	dir, err := a.visit()
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := os.Rename(a.path, a.path+".gone"); err != nil {
		t.Fatal(err)
	}
	wants(t, "an object of an archive that went away", a.lacks(dir), sink.Pause)
}

func TestReadEndsWithContext(t *testing.T) {
	t.Parallel()
	a := archiveOf(t, nil, "a", "b")
	ctx, cancel := context.WithCancel(t.Context())
	body, err := a.Open(ctx, sink.Ref{Key: "a"})
	if err != nil {
		t.Fatal(err)
	}
	err = a.List(ctx, "", func(sink.Found) error {
		cancel()
		return nil
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v", err)
	}
	if _, err := io.ReadAll(body); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
	if _, err := body.Read(make([]byte, 1)); err == nil {
		t.Error("read after close: no error")
	}
}
