package grabber

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/store"
)

// capture is one grabber with everything around it in memory.
type capture struct {
	cfg    Config
	source *fakeSource
	writer *fakeWriter
	state  *fakeState
	log    *entries
}

func newCapture(steps ...step) *capture {
	log, recorded := logrus.New(), &entries{}
	log.SetOutput(io.Discard)
	log.AddHook(recorded)
	return &capture{
		cfg: Config{
			Retries:   2,
			Network:   backoff.Policy{First: 250 * time.Millisecond, Max: 16 * time.Second, Linear: true},
			HTTP:      backoff.Policy{First: 5 * time.Second, Max: 320 * time.Second},
			RateLimit: backoff.Policy{First: time.Minute, Max: 16 * time.Minute},
			For:       "x",
			Log:       logrus.NewEntry(log),
			Random:    func() float64 { return 0 },
		},
		source: &fakeSource{steps: steps},
		writer: &fakeWriter{entered: make(chan struct{}, 1)},
		state:  &fakeState{},
		log:    recorded,
	}
}

// run captures until the capture ends by itself.
func (c *capture) run(t *testing.T) error {
	t.Helper()
	return New(c.cfg, c.state).Run(t.Context(), c.source, c.writer)
}

// start captures in the background; stop asks it to stop and returns what it did.
func (c *capture) start(t *testing.T) (stop func() error, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- New(c.cfg, c.state).Run(ctx, c.source, c.writer) }()
	return func() error { cancel(); return <-done }, done
}

func (c *capture) wantStored(t *testing.T, want string) {
	t.Helper()
	if got := c.writer.lines(); got != want {
		t.Errorf("stored %q, want %q", shorten(got), shorten(want))
	}
}

func shorten(s string) string {
	if len(s) <= 400 {
		return s
	}
	return fmt.Sprintf("%s... (%d bytes)", s[:400], len(s))
}

var errDisk = &store.Error{Op: "fsync", Path: "store", Err: errors.New("input/output error"), Hint: "look at the disk"}
