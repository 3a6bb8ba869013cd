package status

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// file is a status file in memory.
type file struct {
	mu     sync.Mutex
	writes []Common
	fail   error
}

func (f *file) write(b []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail != nil {
		return f.fail
	}
	c, err := decodeCommon(b)
	f.writes = append(f.writes, c)
	return err
}

func (f *file) last(t *testing.T) Common {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.writes) == 0 {
		t.Fatal("no status was written")
	}
	return f.writes[len(f.writes)-1]
}

func (f *file) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.writes)
}

func whole(c Common) any { return Grabber{Common: c} }

// start runs r in the bubble and returns what ends it.
func start(t *testing.T, r *Reporter) (end func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, whole) }()
	synctest.Wait()
	return func() error { cancel(); return <-ended }
}

// A status is never older than two seconds.
func TestReporterWritesAtItsPaceAndALastTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f file
		r := New(f.write)
		r.Version = "1.2.3"
		end := start(t, r)
		if got := f.count(); got != 1 {
			t.Fatalf("%d writes at the start, want 1 at once", got)
		}
		time.Sleep(18*time.Second + 1)
		if got := f.count(); got != 11 {
			t.Errorf("%d writes within 18 s, want 11", got)
		}
		r.Enter(Stopped, "")
		if err := end(); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
		got := f.last(t)
		if got.State != Stopped || got.PID != os.Getpid() || got.Beat != 12 || got.Version != "1.2.3" || got.Started.IsZero() {
			t.Errorf("last status = %+v, want the twelfth, stopped, of this process", got)
		}
	})
}

// A beat that is watched closely moves three times in what it may stand still.
func TestPace(t *testing.T) {
	t.Parallel()
	for heartbeat, want := range map[time.Duration]time.Duration{
		30 * time.Second: Every, 6 * time.Second: Every, 3 * time.Second: time.Second,
	} {
		if got := Pace(heartbeat); got != want {
			t.Errorf("Pace(%v) = %v, want %v", heartbeat, got, want)
		}
	}
	if Every >= 2*time.Second {
		t.Errorf("Every = %v: a status is promised every two seconds", Every)
	}
}

func TestReporterBeatStandsStillWhileAStageIsStuck(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f file
		read, write := NewStage("read"), NewStage("write")
		end := start(t, New(f.write, read, write))
		defer func() { _ = end() }()

		write.Begin(5 * time.Second)
		time.Sleep(5500 * time.Millisecond)
		before := f.last(t)
		time.Sleep(20 * time.Second)
		for range 20 { // a live reader does not hide a dead writer
			read.Begin(time.Second)
			time.Sleep(time.Second)
		}
		stuck := f.last(t)
		if stuck.Beat != before.Beat || !slices.Equal(stuck.Stuck, []string{"write"}) {
			t.Errorf("beat went from %d to %d, stuck = %q, want it to stand still, stuck in write", before.Beat, stuck.Beat, stuck.Stuck)
		}
		if !stuck.Time.After(before.Time) {
			t.Errorf("time of writing = %v, want the status still written after %v", stuck.Time, before.Time)
		}
		read.Idle()
		write.Idle()
		time.Sleep(3 * Every)
		if got := f.last(t); got.Beat != before.Beat+3 || got.Stuck != nil {
			t.Errorf("beat = %d, stuck = %q, want %d and none", got.Beat, got.Stuck, before.Beat+3)
		}
	})
}

func TestReporterGoesOnAfterAFailedWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left")
		f := file{fail: full}
		end := start(t, New(f.write))
		time.Sleep(5 * time.Second)
		f.mu.Lock()
		f.fail = nil
		f.mu.Unlock()
		time.Sleep(Every + 1)
		f.last(t)
		f.mu.Lock()
		f.fail = full
		f.mu.Unlock()
		if err := end(); !errors.Is(err, full) {
			t.Errorf("Run = %v, want the last write's error", err)
		}
	})
}

func TestReporterSinceMovesWithTheStateOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(func([]byte) error { return nil })
		first := r.next().Since
		time.Sleep(time.Minute)
		next := time.Now().Add(time.Second)
		r.Wait(next, "one")
		waiting := r.next()
		time.Sleep(time.Minute)
		r.Enter(Waiting, "two")
		still := r.next()
		if got := waiting.Since.Sub(first); got != time.Minute {
			t.Errorf("Since moved by %v, want 1m", got)
		}
		if !waiting.NextTry.Equal(next) || waiting.Detail != "one" {
			t.Errorf("NextTry = %v, Detail = %q, want %v, one", waiting.NextTry, waiting.Detail, next)
		}
		if !still.Since.Equal(waiting.Since) || still.Detail != "two" || !still.NextTry.IsZero() {
			t.Errorf("status = %+v, want the same Since, detail two, no next try", still)
		}
	})
}

func TestReporterTrouble(t *testing.T) {
	t.Parallel()
	found, err := json.Marshal(Uploader{Common: Common{PID: 1, LastError: "old", LastErrorAt: time.Unix(1e9, 0).UTC()}})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name  string
		found string
		do    func(r *Reporter)
		want  string
	}{
		{"none", "", func(*Reporter) {}, ""},
		{"taken over", string(found), func(*Reporter) {}, "old"},
		{"taken over until success", string(found), (*Reporter).Success, ""},
		{"no error is none", string(found), func(r *Reporter) { r.Trouble(nil) }, "old"},
		{"replaced", string(found), func(r *Reporter) { r.Trouble(errors.New("new")) }, "new"},
		{"one's own outlives success", "", func(r *Reporter) { r.Trouble(errors.New("new")); r.Success() }, "new"},
		{"garbage found", "{\"pid\":", func(*Reporter) {}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := New(func([]byte) error { return nil })
			r.Inherit([]byte(tt.found))
			tt.do(r)
			if got := r.next(); got.LastError != tt.want || got.LastErrorAt.IsZero() != (tt.want == "") {
				t.Errorf("last error = %q at %v, want %q", got.LastError, got.LastErrorAt, tt.want)
			}
		})
	}
}
