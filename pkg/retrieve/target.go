package retrieve

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/storj/twitter-stream/pkg/catalog"
	"github.com/storj/twitter-stream/pkg/dirfs"
)

// Target is where files go: a Directory or a Stream.
type Target interface {
	temps() *temps
	// lasts reports whether what it takes has to be on the disk before.
	lasts() bool
	// has reports whether a file is there already; it may be called from any
	// goroutine.
	has(name string, want catalog.Content) (there bool, have measure, err error)
	// take takes a whole file, or finds that it is there already.
	take(t *temp, name string, have measure) (there bool, err error)
	// finish makes durable what was taken.
	finish() error
}

// Directory takes files under their names.
type Directory struct {
	dir     *dirfs.Dir
	lock    *os.File
	files   *temps
	unsaved int // names that are not known to be on the disk
}

// maxUnsaved is after how many names the directory is synced: a name that a
// power cut takes is got again.
const maxUnsaved = 256

// OpenDirectory opens a directory to fetch into, and makes it if there is none.
// What an interrupted fetch has left half done is removed. One process at a time
// may fetch into a directory, where the system has locks.
func OpenDirectory(path string) (*Directory, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	dir, err := dirfs.Open(path)
	if err != nil {
		return nil, err
	}
	d := &Directory{dir: dir, files: newTemps(dir, false)}
	if err := d.prepare(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

func (d *Directory) prepare() (err error) {
	if d.lock, err = d.dir.OpenDir("."); err != nil {
		return err
	}
	ours, err := dirfs.TryLock(d.lock)
	if err == nil && !ours {
		return fmt.Errorf("another process fetches into %s", d.dir.Path("."))
	}
	if err != nil {
		return nil //nolint:nilerr // no locks here: what is half done may be another's
	}
	return d.files.clean()
}

// Close gives the directory up.
func (d *Directory) Close() {
	if d.lock != nil {
		_ = d.lock.Close() // only read
	}
	_ = d.dir.Close() // all was synced
}

func (d *Directory) temps() *temps { return d.files }
func (d *Directory) lasts() bool   { return true }

func (d *Directory) has(name string, want catalog.Content) (bool, measure, error) {
	info, err := d.dir.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), want.SHA256 == "":
		return false, measure{}, nil
	case err != nil:
		return false, measure{}, &targetError{err}
	case !info.Mode().IsRegular() || info.Size() != want.Size:
		return false, measure{}, d.taken(name)
	}
	have, err := d.measure(name)
	if err == nil && have.sum != want.SHA256 {
		err = d.taken(name)
	}
	return err == nil, have, err
}

// taken says that a name belongs to something else.
func (d *Directory) taken(name string) error {
	return fmt.Errorf("%s is there with other content, and stays as it is: move it away and fetch again", d.dir.Path(name))
}

// measure reads what has a name.
func (d *Directory) measure(name string) (measure, error) {
	f, err := d.dir.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return measure{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = d.taken(name) // reading a pipe may never end
	}
	if err != nil {
		return measure{}, err
	}
	m := newMeter(io.Discard)
	buffer := d.files.buffer()
	defer d.files.put(buffer)
	_, err = io.CopyBuffer(struct{ io.Writer }{m}, struct{ io.Reader }{f}, buffer)
	return m.measure(), err
}

func (d *Directory) take(t *temp, name string, have measure) (there bool, err error) {
	err = d.dir.Place(t.name, name)
	if errors.Is(err, fs.ErrExist) {
		found, err := d.measure(name)
		if err == nil && found.sum != have.sum {
			err = d.taken(name)
		}
		return true, err
	}
	if err != nil {
		return false, &targetError{err}
	}
	t.name = ""
	if d.unsaved++; d.unsaved >= maxUnsaved {
		return false, d.finish()
	}
	return false, nil
}

func (d *Directory) finish() error {
	if err := d.dir.SyncDir("."); err != nil {
		return &targetError{err}
	}
	d.unsaved = 0
	return nil
}

// Stream takes the content of the files, one after the other.
type Stream struct {
	to    io.Writer
	path  string // of the directory for temporary files, which is its own
	dir   *dirfs.Dir
	files *temps
}

// OpenStream returns a target that writes to to. Files in flight lie in the
// system's directory for temporary ones.
func OpenStream(to io.Writer) (*Stream, error) {
	path, err := os.MkdirTemp("", "twitter-stream-fetch-")
	if err != nil {
		return nil, err
	}
	dir, err := dirfs.Open(path)
	if err != nil {
		_ = os.Remove(path)
		return nil, err
	}
	return &Stream{to: to, path: path, dir: dir, files: newTemps(dir, true)}, nil
}

// Close removes the temporary files.
func (s *Stream) Close() {
	_ = s.dir.Close()        // nothing that lasts
	_ = os.RemoveAll(s.path) // nor here
}

func (s *Stream) temps() *temps { return s.files }
func (s *Stream) lasts() bool   { return false }

func (s *Stream) has(string, catalog.Content) (bool, measure, error) { return false, measure{}, nil }

func (s *Stream) take(t *temp, _ string, _ measure) (bool, error) {
	from, err := t.again()
	if err != nil {
		return false, err
	}
	buffer := s.files.buffer()
	defer s.files.put(buffer)
	if _, err := io.CopyBuffer(struct{ io.Writer }{s.to}, struct{ io.Reader }{from}, buffer); err != nil {
		return false, &targetError{fmt.Errorf("write what was fetched: %w", err)}
	}
	return false, nil
}

func (s *Stream) finish() error { return nil }
