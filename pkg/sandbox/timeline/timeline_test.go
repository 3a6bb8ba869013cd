package timeline

import (
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestTimeGoesOnByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tl := New(Config{Rate: 100, Past: time.Second})
		if got := tl.Head(); got != 101 {
			t.Errorf("a second of 100 events a second has reached %d", got)
		}
		time.Sleep(time.Hour)
		if got := tl.Head(); got != 360_101 {
			t.Errorf("after an hour: %d", got)
		}
		if got := tl.Until(360_102); got <= 0 || got > 10*time.Millisecond {
			t.Errorf("the next event happens in %v", got)
		}
		tl.Freeze()
		time.Sleep(time.Hour)
		if tl.Head() != 360_101 || tl.Until(360_102) != math.MaxInt64 {
			t.Errorf("frozen, it went on to %d", tl.Head())
		}
	})
}

func TestLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tl := New(Config{Rate: 100, Limit: 7})
		time.Sleep(time.Hour)
		if tl.Head() != 7 || tl.Until(7) > 0 || tl.Until(8) != math.MaxInt64 {
			t.Errorf("reached %d of 7", tl.Head())
		}
	})
}

// TestSinceFindsTheFirst compares with a walk over all.
func TestSinceFindsTheFirst(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{{Rate: 1000}, {Rate: 30}, {Rate: 12345, Share: 7 * time.Millisecond}, {Rate: 100_000, Share: time.Second}} {
		tl := New(cfg)
		for seq := uint64(1); seq < 3000; seq += 17 {
			at := tl.Time(seq)
			for _, d := range []time.Duration{0, 1, -1, time.Millisecond} {
				got := tl.Since(at.Add(d))
				if got > 1 && !tl.Time(got-1).Before(at.Add(d)) || tl.Time(got).Before(at.Add(d)) {
					t.Fatalf("%+v: Since(%d's time %+v) = %d", cfg, seq, d, got)
				}
			}
		}
		if got := tl.Since(tl.Start().Add(-time.Hour)); got != 1 {
			t.Errorf("%+v: before the start comes %d", cfg, got)
		}
	}
}

// TestStampsAreBad wants what the networks' stamps were seen to do.
func TestStampsAreBad(t *testing.T) {
	t.Parallel()
	tl := New(Config{Rate: 1000, Share: 5 * time.Millisecond, StepBack: 20 * time.Millisecond})
	shared, back := 0, 0
	for seq := uint64(2); seq < 2000; seq++ {
		switch d := tl.Stamp(seq).Sub(tl.Stamp(seq - 1)); {
		case d == 0:
			shared++
		case d < 0:
			back++
		}
		if tl.Time(seq).Before(tl.Time(seq - 1)) {
			t.Fatalf("the time of event %d steps back", seq)
		}
	}
	if shared < 1000 || back < 20 {
		t.Errorf("of 2000 stamps %d are those before, %d step back", shared, back)
	}
}

func TestLogKeepsTheTruth(t *testing.T) {
	t.Parallel()
	var l Log
	c := l.Open(Connection{Path: "/a"})
	l.Handed(c, []uint64{3, 4, 6}, 30)
	l.Handed(c, []uint64{7}, 10)
	l.Doubt(c, 8)
	if l.Live() != 1 {
		t.Error("an open connection does not live")
	}
	l.Close(c, "reset")
	l.Refuse(Refusal{Status: 503})
	got := l.Connections()
	if len(got) != 1 || got[0].Messages != 4 || got[0].Bytes != 40 || got[0].End != "reset" || got[0].Closed.Before(got[0].Opened) {
		t.Errorf("%+v", got)
	}
	if h := got[0].Handed; len(h) != 2 || h[0] != (Range{3, 4}) || h[1] != (Range{6, 7}) || got[0].Doubtful[0] != 8 {
		t.Errorf("handed %v, doubtful %v", h, got[0].Doubtful)
	}
	if r := l.Refusals(); len(r) != 1 || r[0].Status != 503 || l.Live() != 0 {
		t.Errorf("refusals %v", r)
	}
}
