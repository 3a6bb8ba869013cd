package uploader

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

func TestUnreadableAndChangingFiles(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool(numbered("p-", 1, 9)...)
		s.openErr["p-001"] = fs.ErrPermission
		s.openErr["p-002"] = store.ErrNotRegular
		n := newNode(func(name string, call int) error {
			if name == "p-003" {
				return refusal(name, sink.Changed, 0)
			}
			return nil
		})
		r := start(t, config(n), s)
		pass(5 * time.Minute)
		equal(t, "left", s.names(), []string{"p-001", "p-002", "p-003"})
		equal(t, "set aside", s.setAsideNames(), nil)
		if got := n.tries("p-003"); got < 3 || got > 20 {
			t.Errorf("the changing file was put %d times in 5 minutes", got)
		}
		s.mu.Lock()
		s.openErr = nil
		s.mu.Unlock()
		pass(15 * time.Minute)
		equal(t, "left when they can be read", s.names(), []string{"p-003"})
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

// A file that changes between its receipt and its removal is uploaded anew.
func TestChangedBeforeRemoval(t *testing.T) {
	bubble(t, func(t *testing.T) {
		s := newSpool("p-1")
		n := newNode(func(name string, call int) error {
			if call == 1 {
				s.add(name, "something else")
			}
			return nil
		})
		r := start(t, config(n), s)
		pass(time.Minute)
		equal(t, "left", s.names(), nil)
		equal(t, "receipts", s.booked(), []string{"p-1", "p-1"})
		if err := r.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestOldReceipts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*store.Receipt)
		puts   int
	}{
		{"the same file", func(*store.Receipt) {}, 0},
		{"another content", func(r *store.Receipt) { r.SHA256 = strings.Repeat("0", 64) }, 1},
		{"another size", func(r *store.Receipt) { r.Size++ }, 1},
		{"another name", func(r *store.Receipt) { r.Name = "p-2" }, 1},
		{"another node", func(r *store.Receipt) { r.URL = "http://other/" }, 1},
		{"another sink", func(r *store.Receipt) { r.Sink = "other" }, 1},
		{"by push", func(r *store.Receipt) { r.By = store.ByPush }, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s, n := newSpool("p-1"), newNode(nil)
				cfg := config(n)
				cfg.Drain = true
				if err := newUploader(cfg, s).Run(t.Context()); err != nil { // makes the receipt
					t.Fatal(err)
				}
				tt.change(&s.receipts[0])
				s.add("p-1", "content of p-1") // killed before the removal
				n.calls = nil
				if err := newUploader(cfg, s).Run(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := len(n.seen()); got != tt.puts || len(s.receipts) != 1+tt.puts {
					t.Errorf("%d puts, %d receipts, want %d and %d", got, len(s.receipts), tt.puts, 1+tt.puts)
				}
				equal(t, "left", s.names(), nil)
			})
		})
	}
}
