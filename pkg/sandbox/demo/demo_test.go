package demo

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// programs builds the real ones.
func programs(t *testing.T) (daemon string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"daemon", "grabber", "uploader"} {
		out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, name), "github.com/storj/twitter-stream/cmd/"+name).CombinedOutput()
		if err != nil {
			t.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
	return filepath.Join(dir, "daemon")
}

func TestDemo(t *testing.T) {
	if testing.Short() || !supported {
		t.Skip("runs the real programs for half a minute; not with -short, and on Linux and macOS only")
	}
	t.Parallel()
	daemon := programs(t)
	t.Run("to its end", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		dir := t.TempDir()
		err := Run(t.Context(), Config{Duration: 22 * time.Second, Rate: 500, Daemon: daemon, Environ: os.Environ(), Dir: dir, Out: &out})
		t.Log(out.String())
		if err != nil {
			t.Fatal(err)
		}
		for want, times := range map[string]int{"SIGKILL grabber": 2, "SIGKILL uploader": 2, "grabber back after": 2, "uploader back after": 2, "The books balance.": 1} {
			if got := strings.Count(out.String(), want); got != times {
				t.Errorf("%q is there %d times, want %d", want, got, times)
			}
		}
		if _, met, _ := strings.Cut(out.String(), "faults met: "); strings.Contains(met, " 0,") || strings.Contains(met, " 0\n") {
			t.Errorf("a fault of the script has not happened: %s", met)
		}
	})
	for _, kind := range []string{"jetstream", "x"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			err := Run(t.Context(), Config{Kind: kind, Duration: 10 * time.Second, Rate: 200, Daemon: daemon, Environ: os.Environ(), Dir: t.TempDir(), Out: &out})
			t.Log(out.String())
			if err != nil {
				t.Fatal(err)
			}
			for want, times := range map[string]int{"SIGKILL grabber": 2, "sent again by the stream, stored once": 1, "The books balance.": 1} {
				if got := strings.Count(out.String(), want); got != times {
					t.Errorf("%q is there %d times, want %d", want, got, times)
				}
			}
		})
	}
	t.Run("interrupted", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		var out bytes.Buffer
		err := Run(ctx, Config{Daemon: daemon, Environ: os.Environ(), Dir: t.TempDir(), Out: &out})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run: %v, want the context's error\n%s", err, out.String())
		}
	})
}

func TestDemoRefuses(t *testing.T) {
	t.Parallel()
	if !supported {
		t.Skip("no demo on this system")
	}
	dir := t.TempDir()
	for _, name := range []string{"daemon", "grabber", "uploader"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\necho no luck today\nexit 3\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	used := t.TempDir()
	if err := os.Mkdir(filepath.Join(used, "store"), 0o700); err != nil {
		t.Fatal(err)
	}
	daemon := filepath.Join(dir, "daemon")
	for _, tt := range []struct {
		name string
		cfg  Config
		want string
	}{
		{"too short", Config{Duration: time.Second, Daemon: daemon}, "is the shortest"},
		{"too fast", Config{Rate: 1e6, Daemon: daemon}, "the demo's rate"},
		{"programs missing", Config{Daemon: filepath.Join(used, "daemon")}, "make build"},
		{"a store is there", Config{Daemon: daemon, Dir: used}, "holds a store already"},
		{"the daemon ends", Config{Daemon: daemon, Dir: t.TempDir()}, "no luck today"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.cfg.Out = &bytes.Buffer{}
			if err := Run(t.Context(), tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run: %v, want %q", err, tt.want)
			}
		})
	}
}
