package grabber

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/stream"
)

// farewell is a disconnect message, with which the source ends by saying end.
func farewell(s *fakeSource, end stream.Kind) []step {
	says := func(context.Context) ([]byte, error) {
		s.dismiss(true)
		return []byte("farewell"), nil
	}
	fails := func(ctx context.Context) ([]byte, error) {
		s.dismiss(false)
		return fails(end)(ctx)
	}
	return []step{says, fails}
}

func (s *fakeSource) dismiss(dismissed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.Dismissed = dismissed
}

// A service that answers, takes its leave and closes has not worked.
func TestFarewellAloneResetsNothing(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		kind stream.Kind
		want []time.Duration // between tries
		code int             // at the end; -1: it goes on
	}{
		{"token revoked", stream.Credentials, []time.Duration{5 * s, 10 * s}, exitcode.Credentials},
		{"another copy runs", stream.RateLimit, []time.Duration{60 * s, 120 * s, 240 * s, 480 * s}, -1},
		{"shutdown", stream.Network, []time.Duration{s / 4, s / 2}, exitcode.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCapture()
				for range 4 {
					c.source.steps = append(c.source.steps, farewell(c.source, tt.kind)...)
				}
				stop, ended := c.start(t)
				var err error
				select {
				case err = <-ended:
				case <-time.After(1000 * s):
					if err := stop(); err != nil {
						t.Errorf("Run = %v, want it to go on", err)
					}
				}
				if tt.code >= 0 && (err == nil || exitcode.Of(err) != tt.code) {
					t.Errorf("Run = %v (exit %d), want exit %d", err, exitcode.Of(err), tt.code)
				}
				if got := c.source.gaps(); !slices.Equal(got, tt.want) {
					t.Errorf("waits = %v, want %v", got, tt.want)
				}
				if got := strings.Count(c.writer.lines(), "farewell\n"); got != len(tt.want)+1 && tt.code >= 0 || got == 0 {
					t.Errorf("%d farewells stored, want each", got)
				}
				if _, ok := savedBackoff(t, c.state); !ok {
					t.Error("the back-off was forgotten")
				}
			})
		})
	}
}
