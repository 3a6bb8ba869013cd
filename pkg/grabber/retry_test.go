package grabber

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/stream"
)

const s = time.Second

func TestWaitsBetweenTries(t *testing.T) {
	t.Parallel()
	network, http, limit := fails(stream.Network), fails(stream.HTTP), fails(stream.RateLimit)
	credentials, message := fails(stream.Credentials), says("m")
	quiet := func(ctx context.Context) ([]byte, error) {
		time.Sleep(100 * s)
		return failsWith(&stream.Error{Kind: stream.Network, Quiet: true})(ctx)
	}
	for _, tt := range []struct {
		name    string
		retries int
		steps   []step
		want    []time.Duration // between tries
		code    int             // at the end; -1: it goes on
	}{
		{"network is linear", 4, []step{network, network, network, network}, []time.Duration{s / 4, s / 2, 3 * s / 4, s}, -1},
		{"http doubles", 4, []step{http, http, http}, []time.Duration{5 * s, 10 * s, 20 * s}, -1},
		{"a rate limit doubles from a minute and is no retry", 0, []step{limit, limit, limit, limit, limit, limit},
			[]time.Duration{60 * s, 120 * s, 240 * s, 480 * s, 960 * s, 960 * s}, -1},
		{"retries, then it gives up", 2, []step{network, http, network}, []time.Duration{s / 4, 5 * s}, exitcode.Failed},
		{"no retries", 0, []step{network}, nil, exitcode.Failed},
		{"credentials as http, then exit 4", 2, []step{credentials, credentials, credentials}, []time.Duration{5 * s, 10 * s}, exitcode.Credentials},
		{"refused at once", 5, []step{fails(stream.Refused)}, nil, exitcode.Config},
		{"rate limits in between count for nothing", 1, []step{network, limit, limit, network}, []time.Duration{s / 4, 60 * s, 120 * s}, exitcode.Failed},
		{"a message forgives", 1, []step{network, message, network, network, network}, []time.Duration{s / 4, 0, s / 4}, exitcode.Failed},
		{"the server asks for more", 3, []step{failsWith(&stream.Error{Kind: stream.HTTP, RetryAfter: 77 * s}), http}, []time.Duration{77 * s, 10 * s}, -1},
		{"the server asks for a year", 3, []step{failsWith(&stream.Error{Kind: stream.RateLimit, RetryAfter: 8760 * time.Hour})}, []time.Duration{time.Hour}, -1},
		{"a broken stream: again at once", 0, []step{message, network}, []time.Duration{0}, -1},
		{"a broken stream counted by the source", 0, []step{failsWith(&stream.Error{Kind: stream.Network, Messages: 1})}, []time.Duration{0}, -1},
		{"broken again soon: a wait", 0, []step{message, network, message, network, message, network}, []time.Duration{0, s / 4, s / 4}, -1},
		{"broken again much later: at once", 0, []step{message, network, pauses(11 * s), message, network, message, pauses(11 * s), network},
			[]time.Duration{0, 11 * s, 11 * s}, -1},
		{"another copy runs: as a rate limit", 0, []step{message, limit, message, limit}, []time.Duration{60 * s, 60 * s}, -1},
		{"quiet connections are no failed tries", 1, []step{network, quiet, quiet, network}, []time.Duration{s / 4, 100 * s, 100 * s, s / 2}, -1},
		{"a token revoked behind each message", 1, []step{message, credentials, message, credentials}, []time.Duration{5 * s}, exitcode.Credentials},
		{"a token revoked twice, weeks apart", 1, []step{message, credentials, message, network, message, credentials}, []time.Duration{5 * s, 0, 5 * s}, -1},
		{"token revoked in mid-stream", 1, []step{message, credentials, credentials}, []time.Duration{5 * s}, exitcode.Credentials},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := newCapture(tt.steps...)
				c.cfg.Retries = tt.retries
				stop, ended := c.start(t)
				var err error
				if tt.code >= 0 {
					select {
					case err = <-ended:
					case <-time.After(time.Hour):
						_ = stop()
					}
				} else {
					for range 62 * 60 { // an hour at most: each second costs a status
						if time.Sleep(s); len(c.source.gaps()) >= len(tt.want) {
							break
						}
					}
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
			})
		})
	}
}

// A service whose connections all break at once is tried a few dozen times
// quickly, then more and more slowly.
func TestShortConnectionsSlowDown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var steps []step
		for range 200 {
			steps = append(steps, says("m"), fails(stream.Network))
		}
		c := newCapture(steps...)
		stop, _ := c.start(t)
		time.Sleep(62 * time.Minute)
		_ = stop()
		gaps := c.source.gaps()
		if got, want := gaps[:4], []time.Duration{0, s / 4, s / 4, s / 4}; !slices.Equal(got, want) {
			t.Errorf("first waits = %v, want %v", got, want)
		}
		if got := gaps[quickTries+1]; got != s/2 {
			t.Errorf("wait after %d short connections = %v, want 500ms", quickTries+1, got)
		}
		if got := gaps[len(gaps)-1]; got != 16*s {
			t.Errorf("last wait = %v, want 16s", got)
		}
	})
}

func savedBackoff(t *testing.T, state *fakeState) (saved backoff.State, ok bool) {
	t.Helper()
	data, err := state.ReadState(store.StateGrabberBackoff)
	if err != nil {
		return saved, false
	}
	if err := json.Unmarshal(data, &saved); err != nil {
		t.Fatal(err)
	}
	return saved, true
}

func TestBackoffIsWrittenDownBeforeTheWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(fails(stream.RateLimit), says("m"))
		stop, _ := c.start(t)
		synctest.Wait()
		now := time.Now()
		saved, ok := savedBackoff(t, c.state)
		want := backoff.State{Kind: "rate-limit", Step: 1, Written: now.UTC(), Wait: time.Minute, For: "x"}
		if !ok || saved != want {
			t.Errorf("saved %+v, %v, want %+v", saved, ok, want)
		}
		if !slices.Contains(c.state.durable, store.StateGrabberBackoff) {
			t.Errorf("written durably: %v, want the back-off", c.state.durable)
		}
		time.Sleep(10 * s)
		if got := c.state.status(t); got.State != status.Waiting || !got.NextTry.Equal(now.Add(time.Minute)) || got.LastError == "" {
			t.Errorf("status = %s until %v, last error %q, want waiting until %v and why", got.State, got.NextTry, got.LastError, now.Add(time.Minute))
		}
		time.Sleep(time.Minute)
		if saved, ok := savedBackoff(t, c.state); ok {
			t.Errorf("after a message there is still %+v", saved)
		}
		if got := c.state.status(t); got.State != status.Capturing || !got.NextTry.IsZero() {
			t.Errorf("status = %s, next try %v, want capturing, none", got.State, got.NextTry)
		}
		_ = stop()
	})
}

func TestBackoffGoesOnInTheNextProcess(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		later  time.Duration // when the next process starts
		change func(c *capture)
		first  time.Duration // its wait before the first try
		second time.Duration // and after it has failed
	}{
		{"at once", 0, nil, 10 * s, 20 * s},
		{"in the middle", 4 * s, nil, 6 * s, 20 * s},
		{"later", time.Hour, nil, 0, 20 * s},
		{"other credentials", 0, func(c *capture) { c.cfg.For = "y" }, 0, 5 * s},
		{"the clock went back", 0, func(c *capture) { c.cfg.Now = func() time.Time { return time.Now().Add(-time.Hour) } }, 10 * s, 20 * s},
		{"the clock went on a year", 0, func(c *capture) { c.cfg.Now = func() time.Time { return time.Now().AddDate(1, 0, 0) } }, 0, 20 * s},
		{"damaged", 0, func(c *capture) { c.state.files[store.StateGrabberBackoff] = []byte("\x00\x00{") }, 0, 5 * s},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				dead := newCapture(fails(stream.HTTP), fails(stream.HTTP))
				dead.cfg.Retries = 1
				if err := dead.run(t); exitcode.Of(err) != exitcode.Failed {
					t.Fatalf("Run = %v, want exit 1", err)
				}
				time.Sleep(tt.later)
				c := newCapture(fails(stream.HTTP))
				c.state = dead.state
				if tt.change != nil {
					tt.change(c)
				}
				began := time.Now()
				stop, _ := c.start(t)
				time.Sleep(time.Minute)
				_ = stop()
				if len(c.source.tries) != 2 {
					t.Fatalf("%d tries, want 2", len(c.source.tries))
				}
				if got := c.source.tries[0].Sub(began); got != tt.first {
					t.Errorf("first try after %v, want %v", got, tt.first)
				}
				if got := c.source.gaps()[0]; got != tt.second {
					t.Errorf("second try after another %v, want %v", got, tt.second)
				}
			})
		})
	}
}

func TestBackoffOfADeadProcessIsForgottenAtTheFirstMessage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dead := newCapture(fails(stream.HTTP))
		dead.cfg.Retries = 0
		if err := dead.run(t); exitcode.Of(err) != exitcode.Failed {
			t.Fatalf("Run = %v, want exit 1", err)
		}
		c := newCapture(says("m"), ends)
		c.state = dead.state
		if err := c.run(t); err != nil {
			t.Fatalf("Run = %v, want nil", err)
		}
		if saved, ok := savedBackoff(t, c.state); ok {
			t.Errorf("after a message there is still %+v", saved)
		}
	})
}

func TestBackoffThatCannotBeSavedIsServedNevertheless(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCapture(fails(stream.HTTP), fails(stream.HTTP))
		c.state.fail = errors.New("no space left on device")
		stop, _ := c.start(t)
		time.Sleep(time.Minute)
		_ = stop()
		if got, want := c.source.gaps(), []time.Duration{5 * s, 10 * s}; !slices.Equal(got, want) {
			t.Errorf("waits = %v, want %v", got, want)
		}
		if n := len(c.log.of("the back-off cannot be saved")); n != 2 {
			t.Errorf("said %d times, want 2", n)
		}
	})
}

func TestRepeatedTroubleIsSaidAtOnceThenEveryHalfMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var steps []step
		for range 10 { // 13.75 s of one kind
			steps = append(steps, fails(stream.Network))
		}
		for range 5 { // 155 s of another
			steps = append(steps, fails(stream.HTTP))
		}
		c := newCapture(append(steps, says("m"), pauses(time.Hour), fails(stream.Network))...)
		c.cfg.Retries = 100
		stop, _ := c.start(t)
		time.Sleep(time.Hour)
		_ = stop()
		if n := len(c.log.of("the connection has failed: waiting before another try")); n != 1 {
			t.Errorf("said %d times within 30 s, want once", n)
		}
		said := c.log.of("the service has trouble: waiting before another try")
		if len(said) != 3 || said[1].Data["count"] != 3 { // after 0, 35 and 75 s
			t.Errorf("said %d times, want 3, the second for 3", len(said))
		}
		if n := len(c.log.of("messages come again")); n != 1 {
			t.Errorf("recovered %d times, want once", n)
		}
	})
}
