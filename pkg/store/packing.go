package store

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/storj/twitter-stream/pkg/pack"
)

// Compression is how finished files are packed; the zero value leaves them as
// they are.
type Compression struct {
	Method pack.Method
	Level  int // 0 is the method's usual one
}

// Bounds of what compression may hold up. It is done by the finisher, which the
// capture waits for only when maxUnfinished files are on their way; long before
// that files are finished as they are. So compression that cannot keep up costs
// disk and traffic, never a message, and next to nothing of the processors that
// the capture wants.
const (
	packBatch  = 16               // files, for which names are synced together
	packBehind = 64               // more files than this wait to be packed: it does not keep up
	packRest   = 30 * time.Second // then none is packed for so long
	packQuiet  = 10 * time.Minute // between two notices about it
)

// packing is what the finisher knows of compression.
type packing struct {
	packer *pack.Packer // nil: none
	out    *bufio.Writer
	rest   time.Time // until then none is packed; monotonic
	said   time.Time // when a person was last told; monotonic
}

func newPacking(c Compression) (packing, error) {
	if c.Method == pack.None {
		return packing{}, nil
	}
	packer, err := pack.New(c.Method, c.Level)
	return packing{packer: packer, out: bufio.NewWriterSize(nil, 64<<10)}, err
}

// settle packs files that are on the disk under their dot names, where that is
// wanted, and decides so under which name each is finished. The order, for all
// of them together:
//
//  1. .<name>.zst is made with O_EXCL, written, fsynced, and proven: what is
//     read back from it inflates to the bytes that were hashed when they were
//     captured
//  2. fsync of the directory
//  3. .<name> is removed
//  4. fsync of the directory
//
// So there is always one that is whole, and while .<name> is there it is the one
// that counts: recovery drops what lies packed beside it. A file that cannot be
// packed, for want of room or for whatever reason, is removed in step 1 and its
// plain one is finished. false: the writer has failed or ends.
func (w *Writer) settle(files []finished) bool {
	tried := false
	for i := range files {
		files[i].settled = true
		if pack.Of(files[i].name) != pack.None || !w.keepsUp() {
			continue
		}
		tried = true
		if err := w.tryPacking(&files[i]); err != nil && !w.unpacked(files[i], err) {
			return false
		}
	}
	return !tried || w.persist(&w.finisher, w.syncTop) && w.dropPlain(files)
}

// dropPlain removes what is packed now, durably.
func (w *Writer) dropPlain(files []finished) bool {
	dropped := false
	for i := range files {
		f := &files[i]
		if f.line.PackedBytes == 0 || pack.Of(f.name) != pack.None {
			continue
		}
		if !w.persist(&w.finisher, func() error { return w.s.trouble("remove", f.dot, w.s.fs.Remove(f.dot)) }) {
			return false
		}
		f.name = w.packedName(f.name)
		f.dot = dotName(f.name)
		w.usage.appended.Add(f.line.PackedBytes - f.bytes)
		dropped = true
	}
	return !dropped || w.persist(&w.finisher, w.syncTop)
}

func (w *Writer) packedName(name string) string { return name + w.packing.packer.Method().Suffix() }

// keepsUp reports whether a file is to be packed now.
func (w *Writer) keepsUp() bool {
	p := &w.packing
	if p.packer == nil || time.Now().Before(p.rest) {
		return false
	}
	w.mu.Lock()
	waiting := len(w.cut)
	for _, f := range w.ready {
		if !f.settled {
			waiting++
		}
	}
	w.mu.Unlock()
	if waiting <= packBehind {
		return true
	}
	w.restPacking(w.s.cfg.Dir, fmt.Sprintf("compression does not keep up, %d files wait for it: for %v files are finished uncompressed", waiting, packRest))
	return false
}

// restPacking leaves the next files as they are, and says so now and then.
func (w *Writer) restPacking(about, why string) {
	p := &w.packing
	now := time.Now()
	p.rest = now.Add(packRest)
	if p.said.IsZero() || now.Sub(p.said) >= packQuiet {
		p.said = now
		w.s.cfg.Notice(about, why)
	}
}

// unpacked takes back what there is of a packed file. Its removal has to
// succeed: a whole one alone would be finished by recovery, once more.
func (w *Writer) unpacked(f finished, why error) bool {
	dot := dotName(w.packedName(f.name))
	if errors.Is(why, errEnds) {
		return false // recovery drops it
	}
	if !errors.Is(why, fs.ErrExist) { // that is somebody else's
		removed := w.persist(&w.finisher, func() error {
			err := w.s.fs.Remove(dot)
			if errors.Is(err, fs.ErrNotExist) {
				err = nil
			}
			return w.s.trouble("remove", dot, err)
		})
		if !removed {
			return false
		}
	}
	w.restPacking(w.s.path(f.name), fmt.Sprintf("finished uncompressed, as are others for %v: %v", packRest, why))
	return true
}

// tryPacking writes and proves the packed file beside the plain one.
func (w *Writer) tryPacking(f *finished) error {
	w.begin(&w.finisher)
	defer w.finisher.end()
	name := dotName(w.packedName(f.name))
	in, err := w.s.fs.OpenFile(f.dot, os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("open %.80q: %w", f.dot, cause(err))
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := w.s.fs.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("create %.80q: %w", name, cause(err))
	}
	err = w.packTo(out, in)
	if err == nil {
		err = w.prove(out, f)
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	if err != nil && !errors.Is(err, errEnds) {
		f.line.PackedBytes, f.line.PackedSHA256 = 0, ""
		err = fmt.Errorf("write %.80q: %w", name, cause(err))
	}
	return err
}

func (w *Writer) packTo(out file, in io.Reader) error {
	w.packing.out.Reset(out)
	if err := w.packing.packer.Pack(w.packing.out, &patient{w: w, from: in}); err != nil {
		return err
	}
	if err := w.packing.out.Flush(); err != nil {
		return err
	}
	if !w.goesOn() {
		return errEnds
	}
	return out.Sync()
}

// prove reads the packed file back and fills in what the captured book says of
// it. It fails unless what is in it are the bytes of the plain one.
func (w *Writer) prove(out file, f *finished) error {
	read := &tally{from: io.NewSectionReader(out, 0, math.MaxInt64), sum: sha256.New()}
	inflated, err := w.packing.packer.Inflate(read)
	if err != nil {
		return err
	}
	sum := sha256.New()
	messages, size, err := w.sumFile(inflated, f.bytes, sum)
	if err != nil {
		return err
	}
	if size != f.line.Bytes || messages != f.line.Messages || hex.EncodeToString(sum.Sum(nil)) != f.line.SHA256 {
		return errors.New("what was packed does not inflate to what was captured: is the memory or the disk bad?")
	}
	f.line.PackedBytes, f.line.PackedSHA256 = read.bytes, hex.EncodeToString(read.sum.Sum(nil))
	return nil
}

// patient reads a file that may be large: it renews the finisher's word and
// ends with errEnds when the writer does.
type patient struct {
	w    *Writer
	from io.Reader
	read int64
	said int64
}

func (p *patient) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	p.read += int64(n)
	if !p.w.goesOn() {
		return 0, errEnds
	}
	if p.read-p.said > sayEvery {
		p.said = p.read
		p.w.stillRecovering()
	}
	return n, err
}
