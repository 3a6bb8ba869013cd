package overview

import (
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

func TestBacklogAndForecast(t *testing.T) {
	t.Parallel()
	receipts := func(n int, size int64, every time.Duration) (all []store.Receipt) {
		for i := range n {
			all = append(all, store.Receipt{Time: ago(time.Duration(n-i) * every), Size: size})
		}
		return all
	}
	for _, tt := range []struct {
		name     string
		captured float64 // bytes a second
		receipts []store.Receipt
		oldest   time.Duration
		free     int64
		max      int64
		uploaded float64
		full     float64 // seconds; 0 not growing
	}{
		{"nothing uploaded", 1000, nil, time.Hour, 100_000, 0, 0, 100},
		{"nothing captured", 0, nil, time.Hour, 100_000, 0, 0, 0},
		{"on its way", 1000, nil, 30 * time.Second, 100_000, 0, 0, 0},
		{"half uploaded", 1000, receipts(30, 5000, 10*time.Second), time.Hour, 100_000, 0, 500, 200},
		{"as much uploaded", 1000, receipts(60, 9800, 10*time.Second), time.Hour, 100_000, 0, 980, 0},
		{"only long ago", 1000, receipts(10, 1<<30, time.Hour), time.Hour, 100_000, 0, 0, 100},
		{"more than can be seen", 1_000_000, receipts(1024, 1000, 10*time.Millisecond), time.Hour, 9_000_000, 0, 100_000, 10},
		{"full already", 1000, nil, time.Hour, 0, 0, 0, 1},
		{"the store's own limit comes first", 1000, nil, time.Hour, 100_000, 51_000, 0, 50},
		{"the disk comes first", 1000, nil, time.Hour, 100_000, 1 << 40, 0, 100},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := healthy(t)
			s.receipts, s.files, s.free = tt.receipts, map[string]int64{named(ago(tt.oldest)): 1000}, tt.free+5000
			s.put(t, store.StateGrabber, status.Grabber{Common: common(12, status.Capturing), BytesPerS: tt.captured})
			v, err := newReader(s, Limits{MinFree: 5000, MaxStore: tt.max}).Read(now)
			if err != nil {
				t.Fatal(err)
			}
			if v.Backlog.UploadedPerS != tt.uploaded || v.Backlog.Growing != (tt.full > 0) || v.Disk.FullIn != tt.full {
				t.Errorf("backlog = %+v, full in %v s, want %v uploaded a second, full in %v s", v.Backlog, v.Disk.FullIn, tt.uploaded, tt.full)
			}
		})
	}
}

func TestNamesAheadOfTheClock(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(s *fakeSpool)
		want   bool
	}{
		{"none", func(*fakeSpool) {}, false},
		{"a little", func(s *fakeSpool) { s.files[named(ago(-59*time.Minute))] = 1 }, false},
		{"a file", func(s *fakeSpool) { s.files[named(ago(-61*time.Minute))] = 1 }, true},
		{"a receipt", func(s *fakeSpool) { s.receipts[3].Name = named(ago(-61 * time.Minute)) }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := healthy(t)
			for i := range 50 {
				s.files[named(ago(time.Duration(i)*time.Minute))] = 1
			}
			tt.change(s)
			v := look(t, s)
			if got := strings.Contains(strings.Join(v.Problems, "\n"), "ahead of the clock"); got != tt.want {
				t.Errorf("problems = %q, want names ahead: %v", v.Problems, tt.want)
			}
			if got := v.Backlog.OldestAge; got != (49 * time.Minute).Seconds() {
				t.Errorf("oldest age = %v s, want 49m", got)
			}
		})
	}
}
