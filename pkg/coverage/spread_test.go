package coverage

import (
	"slices"
	"testing"
	"time"
)

func TestSpread(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 25, 2, 50, 19, 0, time.UTC)
	for _, tt := range []struct {
		name     string
		from, to time.Duration // after begin
		want     []uint64
	}{
		{"over a minute's end", 0, 48 * time.Second, []uint64{854, 146}},
		{"within one", 0, 30 * time.Second, []uint64{1000}},
		{"over three", 11 * time.Second, 131 * time.Second, []uint64{250, 500, 250}},
		{"no time", 45 * time.Second, 45 * time.Second, []uint64{0, 1000}},
		{"backwards", 45 * time.Second, 0, []uint64{1000}},
	} {
		s := Span{From: begin}
		s.spread(begin.Add(tt.from), begin.Add(tt.to), 1000, 1000)
		if !slices.Equal(s.Messages, tt.want) || !slices.Equal(s.Bytes, tt.want) {
			t.Errorf("%s: %v and %v, want %v", tt.name, s.Messages, s.Bytes, tt.want)
		}
	}
}
