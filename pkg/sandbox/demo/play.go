package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// act is one thing that happens.
type act struct {
	at   float64 // when, in parts of the duration
	does func(s *stage) error
	when func(s *stage) bool // awaited for up to two seconds; nil is at once
}

// script is the play.
func script(s *stage) []act {
	breaks := s.stream.breaks()
	busy := func(s *stage) bool { return s.node.InFlight() > 0 }
	return []act{
		{0.10, kills("grabber"), nil},
		{0.20, broken(breaks[0]), nil},
		{0.28, node("the node answers 503", "503=1"), nil},
		{0.37, node("the node is well again"), nil},
		{0.42, node("the node becomes slow", "slow=200000"), nil},
		{0.46, kills("uploader"), busy},
		{0.50, node("the node is fast again"), nil},
		{0.55, broken(breaks[1]), nil},
		{0.62, node("the node is full (500 upload-error)", "upload-error"), nil},
		{0.70, node("the node has room again"), nil},
		{0.74, node("the node lies: 201 for files that it has not kept", "lie*2", "lie-short*2"), nil},
		{0.80, kills("grabber"), nil},
		{0.86, node("the node keeps a file and resets instead of answering", "reset-after-body*2"), nil},
		{0.90, broken(breaks[2]), nil},
		{0.94, kills("uploader"), busy},
	}
}

func kills(name string) func(*stage) error {
	return func(s *stage) error { return s.kill(name) }
}

func broken(b breach) func(*stage) error {
	return func(s *stage) error {
		s.out.event(s.since(), bad, b.title)
		return s.stream.SetFault(b.fault)
	}
}

func node(title string, faults ...string) func(*stage) error {
	return func(s *stage) error {
		mark := bad
		if len(faults) == 0 {
			mark = good
		}
		s.out.event(s.since(), mark, title)
		return s.node.SetFault(faults...)
	}
}

// met says how often each fault of the script has really happened.
func (s *stage) met() (list []string) {
	for _, b := range s.stream.breaks() {
		name, _, _ := strings.Cut(strings.TrimSuffix(b.fault, "*1"), "=")
		list = append(list, fmt.Sprintf("%s %d", name, s.stream.Fired(name)))
	}
	for _, name := range []string{"503", "slow", "upload-error", "lie", "lie-short", "reset-after-body"} {
		list = append(list, fmt.Sprintf("%s %d", name, s.node.Fired(name)))
	}
	return list
}

func (s *stage) since() time.Duration { return time.Since(s.begun) }

// Looks at the world are cheap, but not free.
const (
	lookEvery    = 50 * time.Millisecond
	startTimeout = 60 * time.Second
	drainTimeout = 60 * time.Second
	actPatience  = 2 * time.Second
)

// play starts the daemon, acts, and ends when it has stopped in good order.
func (s *stage) play(ctx context.Context) (err error) {
	s.out.title(s)
	s.begun = time.Now()
	if s.daemon, err = start(s.cfg.Daemon, s.dir, s.cfg.Environ); err != nil {
		return err
	}
	s.out.event(s.since(), plain, fmt.Sprintf("daemon started (pid %d)", s.daemon.pid()))
	if err := s.await(ctx, startTimeout, "the programs to start", s.running); err != nil {
		return err
	}
	s.out.event(s.since(), good, fmt.Sprintf("grabber captures (pid %d), uploader watches (pid %d)",
		s.readStatus("grabber").PID, s.readStatus("uploader").PID))
	if err := s.perform(ctx); err != nil {
		return err
	}
	if err := s.settle(ctx); err != nil {
		return err
	}
	s.out.event(s.since(), plain, "daemon asked to stop (SIGTERM)")
	if err := s.daemon.end(); err != nil {
		return err
	}
	s.out.event(s.since(), good, "daemon, grabber and uploader have stopped, exit 0")
	s.out.event(s.since(), plain, "every object is fetched back, decrypted and compared")
	return nil
}

func (s *stage) running() bool {
	return s.stream.sent().Messages > 0 && s.readStatus("grabber").PID != 0 && s.readStatus("uploader").PID != 0
}

// await looks until ok, and fails when the daemon ends, ctx does or it takes
// too long.
func (s *stage) await(ctx context.Context, limit time.Duration, what string, ok func() bool) error {
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v in vain for %s; the daemon said last:\n%s", limit, what, s.daemon.last())
		}
		select {
		case <-tick.C:
		case <-s.daemon.done:
			return s.daemon.ended()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// perform goes through the script while the stream runs.
func (s *stage) perform(ctx context.Context) error {
	acts, began := script(s), time.Now()
	show := max(time.Second, s.cfg.Duration/15)
	next := began.Add(show)
	var trouble error
	err := s.await(ctx, s.cfg.Duration+time.Minute, "the end of the script", func() bool {
		s.returned()
		now := time.Now()
		if now.After(next) {
			s.out.figures(s.since(), s.look())
			next = now.Add(show)
		}
		if len(acts) == 0 {
			return now.Sub(began) >= s.cfg.Duration
		}
		due := time.Duration(acts[0].at * float64(s.cfg.Duration))
		patient := acts[0].when != nil && !acts[0].when(s) && now.Sub(began) < due+actPatience
		if now.Sub(began) < due || patient {
			return false
		}
		if trouble = acts[0].does(s); trouble == nil {
			acts = acts[1:]
		} // else: who is to be killed is not there just now; again at the next look
		return false
	})
	if err != nil && trouble != nil {
		return fmt.Errorf("%w (%w)", err, trouble)
	}
	return err
}

var errNotThere = errors.New("not running just now")

// kill kills a child of the daemon by SIGKILL.
func (s *stage) kill(name string) error {
	pid := s.readStatus(name).PID
	for _, k := range s.kills {
		if k.name == name && k.pid == pid {
			return errNotThere // its successor has not spoken yet
		}
	}
	if pid == 0 || name == "grabber" && !s.stream.capturing() {
		return errNotThere
	}
	k := kill{name: name, pid: pid, unread: unread(s.port()), at: time.Now()}
	if err := killChild(pid, s.daemon.pid()); err != nil {
		return err
	}
	s.kills = append(s.kills, k)
	s.out.event(s.since(), bad, fmt.Sprintf("SIGKILL %s (pid %d)", name, pid))
	return nil
}

// port is the local stream's.
func (s *stage) port() int {
	u, err := url.Parse(s.stream.URL())
	if err != nil {
		return 0
	}
	_, port, _ := net.SplitHostPort(u.Host)
	n, _ := strconv.Atoi(port)
	return n
}

// returned says which of the killed have come back.
func (s *stage) returned() {
	for i := range s.kills {
		k := &s.kills[i]
		if k.back {
			continue
		}
		st := s.readStatus(k.name)
		if st.PID == 0 || st.PID == k.pid || k.name == "grabber" && !s.stream.capturing() {
			continue
		}
		k.back = true
		s.out.event(s.since(), good, fmt.Sprintf("%s back after %s (pid %d)", k.name, short(time.Since(k.at)), st.PID))
	}
}

// settle silences the stream and waits until everything captured has been
// shipped. What has not been by then is counted in the store.
func (s *stage) settle(ctx context.Context) error {
	if err := errors.Join(s.stream.rest(), s.node.SetFault()); err != nil {
		return err
	}
	s.out.event(s.since(), plain, "the stream falls silent; what is left is finished and shipped")
	err := s.await(ctx, drainTimeout, "the store to empty", func() bool {
		s.returned()
		finished, unfinished, err := s.waiting()
		return err == nil && len(finished)+len(unfinished) == 0 && s.stream.resting()
	})
	if err != nil && ctx.Err() == nil && s.daemon.ended() == nil {
		s.out.event(s.since(), bad, "the store has not emptied in time")
		return nil
	}
	return err
}
