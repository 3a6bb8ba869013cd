package uploader

import (
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
)

// A file that is replaced after a node has refused what it was before is another
// file: it is sent.
func TestReplacedAfterTheRefusal(t *testing.T) {
	for name, places := range map[string]int{"one place": 1, "two places": 2} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := newSpool(numbered("p-", 1, 20)...)
				n := newNode(func(name string, call int) error {
					if name != "p-001" || call > 2 {
						return nil
					}
					if call == 2 { // it is the file, then: others were taken
						s.add("p-001", "another content")
					}
					return refusal(name, sink.Permanent, 400)
				})
				r := start(t, mirror([]*fakeNode{n, newNode(nil)}[:places]...), s)
				pass(10 * time.Minute)
				if err := r.end(); err != nil {
					t.Error(err)
				}
				equal(t, "set aside", s.setAsideNames(), nil)
				equal(t, "in the store", s.names(), nil)
				if n.tries("p-001") != 3 {
					t.Errorf("%d tries, want 3", n.tries("p-001"))
				}
			})
		})
	}
}
