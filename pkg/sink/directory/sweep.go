package directory

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"regexp"
	"sync"

	"github.com/storj/twitter-stream/pkg/dirfs"
	"github.com/storj/twitter-stream/pkg/sink"
)

const tempSuffix = ".part"

var tempForm = regexp.MustCompile(`^\.(.+)\.[0-9a-f]{16}\.part$`)

// isTemp knows the names that tempName makes.
func isTemp(name string) bool {
	m := tempForm.FindStringSubmatch(name)
	return m != nil && sink.SafeName(m[1]) == m[1]
}

// sweeper removes, once and in the background, the temporary files that killed
// processes left. It looks through the whole directory, which nobody waits for.
type sweeper struct {
	once sync.Once
	mu   sync.Mutex // guards end
	end  context.CancelFunc
}

func (s *sweeper) start(path string) {
	s.once.Do(func() {
		ctx, end := context.WithCancel(context.Background())
		s.mu.Lock()
		s.end = end
		s.mu.Unlock()
		go func() {
			defer end()
			_ = sweep(ctx, path) // what stays does no harm
		}()
	})
}

func (s *sweeper) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil {
		s.end()
	}
}

// sweep removes what has our pattern and no living writer, which would hold its
// lock. Were one removed all the same (another machine's, over a file server
// that keeps locks to itself), its rename fails and it tries again.
func sweep(ctx context.Context, path string) error {
	dir, err := dirfs.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // nothing that must last
	list, err := dir.OpenDir(".")
	if err != nil {
		return err
	}
	defer list.Close() //nolint:errcheck // only read
	for ctx.Err() == nil {
		entries, err := list.ReadDir(512)
		for _, entry := range entries {
			if isTemp(entry.Name()) && entry.Type().IsRegular() {
				removeAbandoned(dir, entry.Name())
			}
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// removeAbandoned leaves alone what cannot be locked.
func removeAbandoned(dir *dirfs.Dir, name string) {
	f, err := dir.OpenFile(name, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrPermission) {
		f, err = dir.OpenFile(name, os.O_RDONLY, 0)
	}
	if err != nil {
		return
	}
	defer f.Close() //nolint:errcheck // nothing was written
	if locked, err := dirfs.TryLock(f); err == nil && locked && names(dir, name, f) {
		_ = dir.Remove(name) // the next start tries again
	}
}
