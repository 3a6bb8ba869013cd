package wire

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

func TestEncoderCountsPartOfAWrite(t *testing.T) {
	t.Parallel()
	for _, zip := range []bool{false, true} {
		e := NewEncoder(zip, true, 0)
		for seq := uint64(1); seq <= 5; seq++ {
			e.Add(fmt.Appendf(nil, "{\"seq\":%d}\r\n", seq))
		}
		wire := bytes.Clone(e.Batch())
		ends := slices.Clone(e.wireEnds)
		if len(ends) != 5 {
			t.Fatalf("%d ends", len(ends))
		}
		for i, end := range ends {
			if got := e.Gone(end); got != i+1 {
				t.Errorf("gone(%d) = %d, want %d", end, got, i+1)
			}
			if got := e.Gone(end - 1); got != i {
				t.Errorf("gone(%d) = %d, want %d", end-1, got, i)
			}
		}
		if e.Gone(len(wire)) != 5 {
			t.Errorf("gone(all) = %d", e.Gone(len(wire)))
		}
	}
}
