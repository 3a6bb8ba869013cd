package logging

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"
)

// buffer is a console that several goroutines may use.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func config(dir string, console *buffer) Config {
	cfg := Config{Component: "grabber", Dir: dir, MaxBytes: 1 << 20, MaxFiles: 2}
	if console != nil {
		cfg.Console = console
	}
	return cfg
}

func open(t *testing.T, cfg Config) *Log {
	t.Helper()
	log := Open(cfg)
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return log
}

func read(t *testing.T, dir, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(data)
}

func sayAll(log *Log) {
	log.Debug("a file is finished")
	log.Info("connected")
	log.Warn("the disk is filling")
	log.Error("the key is refused")
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		level         Level
		console, file int // lines
	}{
		{"normal", Normal, 3, 3}, {"quiet", Quiet, 1, 3}, {"verbose", Verbose, 4, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir, console := filepath.Join(t.TempDir(), "logs"), &buffer{}
			cfg := config(dir, console)
			cfg.Level = tt.level
			sayAll(open(t, cfg))
			if got := strings.Count(console.String(), "\n"); got != tt.console {
				t.Errorf("console has %d lines, want %d:\n%s", got, tt.console, console)
			}
			if got := strings.Count(read(t, dir, "grabber.log"), "\n"); got != tt.file {
				t.Errorf("file has %d lines, want %d", got, tt.file)
			}
			if got := read(t, dir, "error.log"); strings.Count(got, "\n") != 1 || !strings.Contains(got, "the key is refused") {
				t.Errorf("error.log = %q, want the one error", got)
			}
		})
	}
}

func TestLineOfTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := open(t, config(dir, &buffer{}))
	log.WithFields(logrus.Fields{
		"err": errors.New("<broken>"), "wait": 1500 * time.Millisecond, "bytes": int64(1) << 60, "rate": math.NaN(), "msg": "clash",
	}).Info("line\nfeed")
	var got map[string]any
	text := read(t, dir, "grabber.log")
	if err := json.Unmarshal([]byte(text), &got); err != nil || strings.Count(text, "\n") != 1 {
		t.Fatalf("%q: %v", text, err)
	}
	for key, want := range map[string]any{
		"component": "grabber", "level": "info", "msg": "line\nfeed", "err": "<broken>", "wait": "1.5s", "rate": "NaN", "fields.msg": "clash",
	} {
		if got[key] != want {
			t.Errorf("%s = %v, want %v", key, got[key], want)
		}
	}
	if at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got["time"])); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("time = %v, %v", got["time"], err)
	}
}

func TestTextForPeople(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	fields := map[string]any{"b": "two words", "a": 1, "c": errors.New("x=\x1b[2J"), "d": 90 * time.Second, "e": ""}
	r := record{time: at, level: logrus.WarnLevel, component: "grabber", message: "say\r\n\x1b]0;x", fields: fields}
	want := at.Format(time.RFC3339) + ` warn  grabber: say\r\n\x1b]0;x a=1 b="two words" c="x=\x1b[2J" d=1m30s e=""` + "\n"
	if got := r.text(style{timeFormat: time.RFC3339}); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := r.text(style{timeFormat: time.TimeOnly, colours: true}); !strings.HasPrefix(got, "\x1b[33m03:04:05 warn") || !strings.HasSuffix(got, "\x1b[0m\n") {
		t.Errorf("in colours: %q", got)
	}
}

func TestSecondWriterSaysSoOnceAndTakesOver(t *testing.T) {
	t.Parallel()
	dir, fallback := t.TempDir(), &buffer{}
	first := Open(config(dir, &buffer{}))
	cfg := config(dir, nil)
	cfg.Fallback = fallback
	second := open(t, cfg)
	first.Info("from the first")
	second.Info("from the second")
	if got := read(t, dir, "grabber.log"); strings.Contains(got, "from the second") || !strings.Contains(got, "from the first") {
		t.Errorf("the file holds %q", got)
	}
	got := fallback.String()
	if strings.Count(got, "cannot write the log file; logging to standard error alone") != 1 ||
		!strings.Contains(got, "grabber.log: another process writes it") || !strings.Contains(got, "from the second") {
		t.Errorf("standard error says %q", got)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second takes over", func() bool {
		second.Info("still here")
		return strings.Contains(read(t, dir, "grabber.log"), "still here")
	})
	if first.Info("after the end"); strings.Contains(read(t, dir, "grabber.log"), "after the end") {
		t.Error("a closed log writes on")
	}
}

func TestDirectoryThatCannotBe(t *testing.T) {
	t.Parallel()
	inTheWay := filepath.Join(t.TempDir(), "logs")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		console := &buffer{}
		log := open(t, config(inTheWay, console))
		for range 5 {
			time.Sleep(2 * retryFile) // each finds the file tried again
			log.Error("still here")
		}
		got := console.String()
		if strings.Count(got, "cannot write the log file") != 1 || strings.Count(got, "cannot write error.log") != 1 || strings.Count(got, "still here") != 5 {
			t.Errorf("the console says %q", got)
		}
	})
}

func TestClosedLogLeavesItsFileAlone(t *testing.T) {
	t.Parallel()
	dir, console := t.TempDir(), &buffer{}
	log := Open(config(dir, console))
	for range 2 {
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	log.Error("after the end")
	if got := read(t, dir, "grabber.log") + read(t, dir, "error.log"); got != "" || !strings.Contains(console.String(), "after the end") {
		t.Errorf("the files hold %q, the console %q", got, console)
	}
}

func TestNoDirectoryIsConsoleAlone(t *testing.T) {
	t.Parallel()
	console := &buffer{}
	log := open(t, Config{Component: "grabber", Console: console})
	sayAll(log)
	if got := strings.Count(console.String(), "\n"); got != 3 {
		t.Errorf("console has %d lines, want 3:\n%s", got, console)
	}
}

// eventually polls until ok, for much longer than it should take.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}
