package repeat

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

func TestOneErrorRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r Reporter
		said, counted := 0, 0
		for range 1000 { // 100 s, ten failures a second
			if say, count := r.Failed("refused"); say {
				said++
				counted += count
			}
			time.Sleep(100 * time.Millisecond)
		}
		if said != 4 || counted != 901 { // at 0, 30, 60 and 90 s
			t.Errorf("said %d times with counts adding up to %d, want 4 and 901", said, counted)
		}
		say, count, lasted := r.Recovered()
		if !say || count != 1000 || lasted != 100*time.Second {
			t.Errorf("Recovered = %v, %d, %v, want true, 1000, 100 s", say, count, lasted)
		}
		if say, _, _ := r.Recovered(); say {
			t.Error("recovered twice")
		}
		if say, count := r.Failed("refused"); !say || count != 1 {
			t.Errorf("after a recovery: %v, %d, want it said at once", say, count)
		}
	})
}

func TestKindsTakeTurns(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := Reporter{Now: func() time.Time { return now }}
	said := 0
	for range 100 {
		for _, kind := range []string{"refused", "reset"} {
			if say, _ := r.Failed(kind); say {
				said++
			}
		}
	}
	if said != 2 {
		t.Errorf("two kinds taking turns were said %d times, want twice", said)
	}
}

func TestManyKindsAreBounded(t *testing.T) {
	t.Parallel()
	now := time.Now()
	r := Reporter{Now: func() time.Time { return now }}
	said := 0
	for i := range 10000 {
		if say, _ := r.Failed(strconv.Itoa(i)); say {
			said++
		}
	}
	if said > maxKinds+1 || len(r.kinds) > maxKinds+1 {
		t.Errorf("%d kinds were said, %d remembered, want at most %d", said, len(r.kinds), maxKinds+1)
	}
}
