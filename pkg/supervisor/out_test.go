package supervisor

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestQuote(t *testing.T) {
	t.Parallel()
	var many, last []string
	for i := range 20 {
		many = append(many, fmt.Sprint("line ", i))
	}
	last = many[20-quotedLines:]
	for _, tt := range []struct {
		name, old, in string
		want          []string
	}{
		{"nothing", "earlier\n", "", nil},
		{"only this life's", "earlier\n", "mine\n\n", []string{"mine"}},
		{"the last lines", "", strings.Join(many, "\n"), last},
		{"from the panic on", "", "chatter\npanic: oh no\n\ngoroutine 1 [running]:\nmain.main()\n", []string{"panic: oh no", "goroutine 1 [running]:", "main.main()"}},
		{"escaped", "", "a\x1b[2Jb\n", []string{`a\x1b[2Jb`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "out")
			write(t, path, tt.old)
			out, err := openOut(path)
			if err != nil {
				t.Fatal(err)
			}
			defer out.close()
			if _, err := out.file.WriteString(tt.in); err != nil {
				t.Fatal(err)
			}
			if got := out.quote(); !slices.Equal(got, tt.want) {
				t.Errorf("quote of %q = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestLargeOutputIsEmptiedAtStart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "out")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), outLarge+1), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := openOut(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.close()
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("file = %v, %v; want it empty", info, err)
	}
}

// A log directory that is missing must not keep a child from its work.
func TestOutputThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	out, err := openOut(filepath.Join(t.TempDir(), "none", "out"))
	if err == nil {
		t.Error("error = nil, want one to be logged")
	}
	defer out.close()
	if _, err := out.file.WriteString("x"); err != nil {
		t.Errorf("write to what stands in for it = %v", err)
	}
	if got := out.quote(); got != nil || out.trim() {
		t.Errorf("quote = %q, want nothing", got)
	}
}
