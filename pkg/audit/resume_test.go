package audit

import (
	"context"
	"errors"
	"testing"

	"github.com/storj/twitter-stream/pkg/sink"
)

// slow answers for one object only when the audit is interrupted.
type slow struct {
	*storage
	key string
}

func (s slow) Stat(ctx context.Context, ref sink.Ref) (sink.Found, error) {
	found, err := s.storage.Stat(ctx, ref)
	if ref.Key == s.key {
		<-ctx.Done()
	}
	return found, err
}

// An answer that is there when the audit is interrupted counts: all those behind
// it would have to be asked for again.
func TestAnswerAtTheInterruption(t *testing.T) {
	t.Parallel()
	for what, missing := range map[string]bool{"there": false, "missing": true} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			const files = 100
			for i := range files {
				w.ship(name(i), place1, "")
			}
			if missing {
				delete(w.one.objects, name(0))
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			w.one.onStat = func(string) {
				if len(w.one.asked) >= files/2 {
					cancel()
				}
			}
			cfg := w.config(Question{})
			open := cfg.Open
			cfg.Open = func(string, string) (sink.Reader, error) { return slow{w.one, name(0)}, nil }
			if _, err := Run(ctx, cfg); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			cfg.Open = open
			r, err := Run(t.Context(), cfg)
			again := 0
			for _, n := range w.one.asked {
				again += n - 1
			}
			if err != nil || !r.Resumed || r.Asked != files || again > 0 || (r.Missing.Count == 1) != missing {
				t.Errorf("%v; %d were asked for again; %+v", err, again, r)
			}
		})
	}
}
