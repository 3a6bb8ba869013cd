package logging

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFollow(t *testing.T) {
	t.Parallel()
	dir, shown := t.TempDir(), &buffer{}
	grabber := Path(dir, "grabber")
	add := func(path, text string) {
		t.Helper()
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := file.WriteString(text); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	line := func(message string) string {
		return `{"component":"grabber","level":"info","msg":"` + message + `","time":"2026-01-02T03:04:05.5Z","bytes":12345678901234567}` + "\n"
	}
	shows := func(text string) func() bool {
		return func() bool { return strings.Contains(shown.String(), text) }
	}

	add(grabber, line("old"))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Follow(ctx, []string{grabber, Path(dir, "uploader")}, shown)
	}()
	eventually(t, "following has begun", func() bool {
		add(grabber, line("ready"))
		return shows("ready")()
	})
	add(Path(dir, "uploader"), line("uploader-begins"))
	eventually(t, "a new file is followed", shows("uploader-begins"))

	add(grabber, line("whole")+line("torn")[:30])
	eventually(t, "an appended line is shown", shows("grabber: whole bytes=12345678901234567\n"))
	if shows("torn")() {
		t.Errorf("half a line is shown: %q", shown)
	}
	add(grabber, line("torn")[30:]+"no \x1b[2J JSON\n"+line("last-before-rotation"))
	if err := os.Rename(grabber, filepath.Join(dir, "grabber-1.log")); err != nil {
		t.Fatal(err)
	}
	add(grabber, line("first-after-rotation"))
	eventually(t, "rotation is survived", shows("first-after-rotation"))

	add(grabber, line("at-the-end"))
	cancel()
	<-ended
	got := shown.String()
	for _, once := range []string{"uploader-begins", "whole", "torn", `no \x1b[2J JSON`, "last-before-rotation", "first-after-rotation", "at-the-end"} {
		if strings.Count(got, once) != 1 {
			t.Errorf("%q is shown %d times, want once:\n%s", once, strings.Count(got, once), got)
		}
	}
	if strings.Contains(got, "old") {
		t.Errorf("what was there before is shown: %q", got)
	}
}

func TestFollowTruncatedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.log")
	if err := os.WriteFile(path, []byte("one\ntwo\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	followed := &tail{path: path}
	defer followed.close()
	shown := &buffer{}
	followed.copy(&console{w: shown})
	if err := os.WriteFile(path, []byte("three\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	followed.copy(&console{w: shown})
	if got := shown.String(); got != "one\ntwo\nthree\n" {
		t.Errorf("shown %q", got)
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"component":"grabber","level":"info","msg":"x","time":"2026-01-02T03:04:05.5Z","a":{"b":[1]}}`))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := parseRecord(line)
		if err != nil {
			return
		}
		text := r.text(style{})
		if strings.ContainsAny(strings.TrimSuffix(text, "\n"), "\n\r\x1b\x00") {
			t.Errorf("%q became %q", line, text)
		}
	})
}
