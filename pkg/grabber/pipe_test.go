package grabber

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/stream"
)

func TestToPipe(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		steps  []step
		change func(cfg *Config)
		want   string
		code   int
	}{
		{"finite", []step{says("a"), says("b"), ends}, func(*Config) {}, "a\nb\n", 0},
		{"so many", []step{says("a"), says("b"), says("c")}, func(cfg *Config) { cfg.MaxMessages = 2 }, "a\nb\n", 0},
		{"so long", []step{says("a"), pauses(time.Minute), says("b")}, func(cfg *Config) { cfg.Duration = time.Second }, "a\n", 0},
		{"through a break", []step{says("a"), fails(stream.Network), says("b"), ends}, func(*Config) {}, "a\nb\n", 0},
		{"refused", []step{says("a"), fails(stream.Refused)}, func(*Config) {}, "a\n", exitcode.Config},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCapture(tt.steps...)
				tt.change(&c.cfg)
				var out bytes.Buffer
				err := New(c.cfg, nil).ToPipe(t.Context(), c.source, &out)
				if exitcode.Of(err) != tt.code || out.String() != tt.want {
					t.Errorf("ToPipe = %v, wrote %q, want exit %d, %q", err, out.String(), tt.code, tt.want)
				}
			})
		})
	}
}

func TestToPipeHandsOnAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(says("a"), hangs)
		ctx, cancel := context.WithCancel(t.Context())
		in, out := io.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- New(c.cfg, nil).ToPipe(ctx, c.source, out) }()
		if line, err := bufio.NewReader(in).ReadString('\n'); line != "a\n" || err != nil {
			t.Errorf("read %q, %v, want a line", line, err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ToPipe = %v, want nil", err)
		}
	})
}

type brokenPipe struct{ err error }

func (b brokenPipe) Write([]byte) (int, error) { return 0, b.err }

func TestToPipeWithNobodyAtTheOtherEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(says("a"), hangs)
		if err := New(c.cfg, nil).ToPipe(t.Context(), c.source, brokenPipe{fmt.Errorf("write: %w", syscall.EPIPE)}); err != nil {
			t.Errorf("ToPipe = %v, want a clean end", err)
		}
		c = newCapture(says("a"), hangs)
		if err := New(c.cfg, nil).ToPipe(t.Context(), c.source, brokenPipe{syscall.EIO}); exitcode.Of(err) != exitcode.Failed {
			t.Errorf("ToPipe = %v, want exit 1", err)
		}
	})
}

func TestToPipeStopsThoughNobodyReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(says("a"))
		ctx, cancel := context.WithCancel(t.Context())
		in, out := io.Pipe()
		ended := make(chan error, 1)
		go func() { ended <- New(c.cfg, nil).ToPipe(ctx, c.source, out) }()
		time.Sleep(time.Minute)
		began := time.Now()
		cancel()
		if err := <-ended; err != nil || time.Since(began) > 2*time.Second {
			t.Errorf("ToPipe = %v after %v, want nil within two seconds", err, time.Since(began))
		}
		_ = in.Close() // frees what is still blocked
	})
}
