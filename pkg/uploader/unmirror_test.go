package uploader

import (
	"fmt"
	"testing"
	"time"
)

// A place that is down for good is taken out of upload_url: the other one, which
// has long got all that waits, gets nothing twice, however many that are.
func TestMirrorThatIsOneNoMore(t *testing.T) {
	for _, tt := range []struct {
		name string
		then int // receipts of files that have left since
		url  string
	}{
		{"down from the beginning", 0, ""},
		{"was back for a while", 1500, "http://b.test/"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var names []string
				for i := range 3000 {
					names = append(names, fmt.Sprintf("p-%06d", i))
				}
				s, a := newSpool(names...), newNode(nil)
				captured := time.Now()
				s.captured = func(string) time.Time { return captured }
				for _, name := range names {
					s.receipts = append(s.receipts, receiptOf(name, "http://a.test/", captured))
				}
				for i := range tt.then {
					s.receipts = append(s.receipts, receiptOf(fmt.Sprintf("p-left-%06d", i), tt.url, captured))
				}
				cfg := mirror(a)
				cfg.Drain = true
				if err := newUploader(cfg, s).Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				equal(t, "left in the store", s.names(), nil)
				if n := len(a.seen()); n > 0 {
					t.Errorf("%d puts of what it has", n)
				}
			})
		})
	}
}
