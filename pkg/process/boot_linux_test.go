package process

import (
	"testing"
	"time"
)

func TestBoot(t *testing.T) {
	t.Parallel()
	if Boot() == "" || Boot() != Boot() {
		t.Errorf("boot %q, then %q; want the same name twice", Boot(), Boot())
	}
	before := Uptime()
	if before <= 0 || before > 100*365*24*time.Hour || Uptime() < before {
		t.Errorf("up for %v, then for %v", before, Uptime())
	}
}
