package supervisor

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A read that hung and comes back late shows the past: it must not pass for
// what is there now.
func TestLookerThrowsAwayTheLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var delay, reads atomic.Int64
		delay.Store(int64(time.Minute))
		l := looker{status: func() ([]byte, error) {
			text := fmt.Sprintf(`{"pid":1,"beat":%d}`, reads.Add(1))
			time.Sleep(time.Duration(delay.Load()))
			return []byte(text), nil
		}}
		if seen, ok := l.look(); ok {
			t.Errorf("a look that hangs = %+v, want none", seen)
		}
		if _, ok := l.look(); ok || reads.Load() != 1 {
			t.Errorf("%d reads at once, want one", reads.Load())
		}
		delay.Store(0)
		time.Sleep(2 * time.Minute)
		if seen, ok := l.look(); !ok || seen.status.Beat != 2 {
			t.Errorf("look = %+v, %v; want beat 2", seen.status, ok)
		}
	})
}

func TestMarks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(path string) error
		want   bool
	}{
		{"untouched", func(string) error { return nil }, false},
		{"longer", func(p string) error { return os.WriteFile(p, []byte("longer"), 0o600) }, true},
		{"gone", os.Remove, true},
		{"touched", func(p string) error { return os.Chtimes(p, time.Time{}, time.Unix(1, 0)) }, true},
		{"replaced by its like", func(p string) error {
			info, err := os.Stat(p)
			if err != nil {
				return err
			}
			if err := os.WriteFile(p+".new", []byte("old"), 0o600); err != nil {
				return err
			}
			if err := os.Chtimes(p+".new", time.Time{}, info.ModTime()); err != nil {
				return err
			}
			return os.Rename(p+".new", p)
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "config.ini")
			write(t, path, "old")
			files := []string{path, path + ".missing"}
			before := takeMarks(files)
			if err := tt.change(path); err != nil {
				t.Fatal(err)
			}
			if got := takeMarks(files).differ(before, files); got != tt.want {
				t.Errorf("%s: differ = %v, want %v", tt.name, got, tt.want)
			}
		})
	}
	if (marks{}).differ(takeMarks([]string{"x"}), []string{"x"}) {
		t.Error("a look that did not come to the files says that they changed")
	}
}
