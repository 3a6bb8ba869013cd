package uploader

import (
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	of := func(kind sink.Kind) error { return fmt.Errorf("wrapped: %w", refusal("x", kind, 0)) }
	const limit = 3
	type row struct {
		name string
		err  error
		// The verdict on the first try, on the last one, on the last one when
		// another file was accepted meanwhile, on a file that is postponed.
		first, last, accepted, postponed verdict
	}
	for _, r := range []row{
		{"temporary", of(sink.Temporary), again, doubt, postpone, postpone},
		{"400, 413", of(sink.Permanent), doubt, doubt, setAside, setAside},
		{"402, full", of(sink.Pause), pause, pause, postpone, postpone},
		{"401, 403", of(sink.Credentials), doubt, doubt, postpone, postpone},
		{"404, moved", of(sink.Misdirected), doubt, doubt, postpone, postpone},
		{"changed while sent", of(sink.Changed), again, postpone, postpone, again},
		{"changed before removal", fmt.Errorf("x: %w", store.ErrChanged), again, postpone, postpone, again},
		{"unreadable", fmt.Errorf("x: %w", fs.ErrPermission), postpone, postpone, postpone, postpone},
		{"gone", fmt.Errorf("x: %w", fs.ErrNotExist), forget, forget, forget, forget},
		{"a FIFO now", fmt.Errorf("x: %w", store.ErrNotRegular), forget, forget, forget, forget},
	} {
		for _, tt := range []struct {
			when string
			f    facts
			want verdict
		}{
			{"first try", facts{failed: 1, limit: limit}, r.first},
			{"last try", facts{failed: limit, limit: limit}, r.last},
			{"last try, others accepted", facts{failed: limit, limit: limit, accepted: true}, r.accepted},
			{"postponed", facts{failed: 1, limit: limit, accepted: true, postponed: true}, r.postponed},
		} {
			if got := judge(r.err, tt.f); got != tt.want {
				t.Errorf("%s, %s: judge(%+v) = %d, want %d", r.name, tt.when, tt.f, got, tt.want)
			}
		}
	}
}

func TestPostponedFor(t *testing.T) {
	t.Parallel()
	p := backoff.Policy{First: time.Second, Max: time.Minute}
	for rounds, want := range map[int]time.Duration{1: time.Minute, 2: 2 * time.Minute, 6: 32 * time.Minute, 7: time.Hour, 1000: time.Hour} {
		if got := postponedFor(p, rounds); got != want {
			t.Errorf("postponedFor(%d) = %v, want %v", rounds, got, want)
		}
	}
	if got := postponedFor(backoff.Policy{First: time.Second, Max: 2 * time.Hour}, 5); got != 2*time.Hour {
		t.Errorf("with a longest wait of 2 h: %v, want 2h", got)
	}
}
