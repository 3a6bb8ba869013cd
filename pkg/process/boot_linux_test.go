package process

import (
	"testing"
	"time"
)

func TestBoot(t *testing.T) {
	t.Parallel()
	if first, second := Boot(), Boot(); first == "" || first != second {
		t.Errorf("boot %q, then %q; want the same name twice", first, second)
	}
	before := Uptime()
	if before <= 0 || before > 100*365*24*time.Hour || Uptime() < before {
		t.Errorf("up for %v, then for %v", before, Uptime())
	}
}
