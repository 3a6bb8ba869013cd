package setup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pty is a pseudo terminal; what its console shows is gathered.
type pty struct {
	t             *testing.T
	master, slave *os.File

	mu    sync.Mutex // guards shown
	shown bytes.Buffer
}

func newPTY(t *testing.T) *pty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	p := &pty{t: t, master: master, slave: slave}
	// Neither end is ever closed: a read that was left behind would put back the
	// terminal of whoever got its descriptor next.
	go func() { _, _ = io.Copy(p, master) }()
	return p
}

// Write gathers what the terminal shows.
func (p *pty) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown.Write(b)
}

func (p *pty) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shown.String()
}

// until waits for the terminal to show text.
func (p *pty) until(what string, ok func() bool) {
	p.t.Helper()
	late := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-late:
			p.t.Fatalf("no %s in 20 s; shown %q", what, p.text())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (p *pty) typed(text string) {
	p.t.Helper()
	if _, err := p.master.WriteString(text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pty) echoes() bool {
	p.t.Helper()
	state, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		p.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

type read struct {
	text string
	err  error
}

func TestConsole(t *testing.T) {
	t.Parallel()
	p := newPTY(t)
	c := NewConsole(p.slave, p.slave)
	if !c.IsTerminal() {
		t.Fatal("a pseudo terminal is no terminal")
	}
	p.typed("the key\nnext\n") // both lines in one paste
	for _, want := range []string{"the key", "next"} {
		if got, err := c.ReadLine(t.Context(), "Key: "); got != want || err != nil {
			t.Errorf("ReadLine = %q, %v; want %q", got, err, want)
		}
	}
	secrets := make(chan read)
	go func() {
		text, err := c.ReadSecret(t.Context(), "Secret: ")
		secrets <- read{text, err}
	}()
	p.until("silence", func() bool { return !p.echoes() })
	p.typed("hidden\n")
	if got := <-secrets; got.text != "hidden" || got.err != nil {
		t.Errorf("ReadSecret = %q, %v; want what was typed", got.text, got.err)
	}
	c.Print("done")
	p.until("end", func() bool { return strings.Contains(p.text(), "done") })
	if shown := p.text(); strings.Contains(shown, "hidden") || !strings.Contains(shown, "Secret: ") {
		t.Errorf("shown %q, want the prompt and no secret", shown)
	}
	if !p.echoes() {
		t.Error("the echo is still off")
	}
}

// Ctrl-C in the midst of a secret leaves a terminal that echoes.
func TestConsoleIsPutBackWhenStopped(t *testing.T) {
	t.Parallel()
	p := newPTY(t)
	c := NewConsole(p.slave, p.slave)
	ctx, cancel := context.WithCancel(t.Context())
	secrets := make(chan read)
	go func() {
		text, err := c.ReadSecret(ctx, "Secret: ")
		secrets <- read{text, err}
	}()
	p.until("silence", func() bool { return !p.echoes() })
	cancel()
	if got := <-secrets; !errors.Is(got.err, context.Canceled) {
		t.Errorf("ReadSecret = %q, %v; want a cancel", got.text, got.err)
	}
	if !p.echoes() {
		t.Error("the echo is still off")
	}
	p.typed("\n") // lets the read that was left behind go
}

func TestConsoleEnds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in, want string
		err      error
	}{
		{"last line without its end", "last line without its end", nil},
		{"", "", io.EOF},
		{strings.Repeat("x", maxLine+1) + "\n", "", errLongLine},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteString(tt.in); err != nil {
			t.Fatal(err)
		}
		w.Close()
		c := NewConsole(r, r)
		if got, err := c.ReadLine(t.Context(), ""); got != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("ReadLine of %.30q = %q, %v; want %q, %v", tt.in, got, err, tt.want, tt.err)
		}
		if c.IsTerminal() {
			t.Error("a pipe is a terminal")
		}
		r.Close()
	}
}
