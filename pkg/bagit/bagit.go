// Package bagit writes bags by RFC 8493: a payload in data/, its SHA-256
// manifest, and tag files that say what it is.
//
// It guarantees that a directory with a bagit.txt is a whole bag: Begin removes
// that file, durably, before anything changes, and Finish writes it when all
// else is on the disk: bag-info.txt, other tag files, manifest and tag manifest,
// each by temporary file, fsync and rename, then fsync of the directory; and
// bagit.txt the same way after them. The manifest names exactly what data/
// holds, or Finish fails.
//
// It must not know what the payload is. Whoever puts it into data/ has it on the
// disk there before Finish.
package bagit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/storj/twitter-stream/pkg/dirfs"
)

// The files of a bag (RFC 8493, 2).
const (
	declaration = "bagit.txt"
	info        = "bag-info.txt"
	manifest    = "manifest-sha256.txt"
	tagManifest = "tagmanifest-sha256.txt"
	payload     = "data"
)

const declared = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"

const tempEnding = ".tmp"

// Bag is one that is being written. It is for one goroutine.
type Bag struct {
	dir     *dirfs.Dir
	list    *os.File // the manifest, until it has its name
	lines   *bufio.Writer
	written *digest  // of it
	tags    []string // lines of the tag manifest
	files   int
	bytes   int64
	seed    maphash.Seed
	names   uint64 // the sum of hashes of the files' names
}

// Data is the payload's directory of a bag at path.
func Data(path string) string { return filepath.Join(path, payload) }

// Fit says why a directory cannot become a bag, before anything is written there,
// as Begin does; one that is not there can.
func Fit(path string, tagFiles ...string) error {
	dir, err := dirfs.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close() //nolint:errcheck // only read
	ours := append(tagFiles, declaration, info, manifest, tagManifest, payload)
	return each(dir, ".", func(name string) error {
		if !slices.Contains(ours, strings.TrimSuffix(strings.TrimPrefix(name, "."), tempEnding)) {
			return fmt.Errorf("make a bag of %s: it holds %.80q: name a directory of its own", path, name)
		}
		return nil
	})
}

// Begin opens a directory to make a bag of it; whatever was one is none any more
// until Finish. It is made if there is none. One that holds what no bag of ours
// holds is refused, unless extra tag files are named here.
func Begin(path string, tagFiles ...string) (*Bag, error) {
	if err := Fit(path, tagFiles...); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(Data(path), 0o700); err != nil {
		return nil, err
	}
	dir, err := dirfs.Open(path)
	if err != nil {
		return nil, err
	}
	b := &Bag{dir: dir, seed: maphash.MakeSeed()}
	if err := b.begin(); err != nil {
		b.Close()
		return nil, fmt.Errorf("make a bag of %s: %w", path, err)
	}
	return b, nil
}

func (b *Bag) begin() (err error) {
	if err := b.dir.Remove(declaration); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := b.dir.SyncDir("."); err != nil {
		return err
	}
	if b.list, err = b.dir.OpenFile(temp(manifest), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	b.written = newDigest(b.list)
	b.lines = bufio.NewWriter(b.written)
	return nil
}

// each calls visit with the names in a directory.
func each(dir *dirfs.Dir, path string, visit func(name string) error) error {
	list, err := dir.OpenDir(path)
	if err != nil {
		return err
	}
	defer list.Close() //nolint:errcheck // only read
	for {
		entries, err := list.ReadDir(256)
		for _, entry := range entries {
			if err := visit(entry.Name()); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func temp(name string) string { return "." + name + tempEnding }

// Close gives the directory up. What is not finished is no bag.
func (b *Bag) Close() {
	if b.list != nil {
		_ = b.list.Close() // what counts was synced
	}
	_ = b.dir.Close() // nor here
}

// Add enters a file of data/ into the manifest, by its name there, each once. An
// error shows at Finish.
func (b *Bag) Add(name string, size int64, sha256hex string) {
	_, _ = fmt.Fprintf(b.lines, "%s  %s/%s\n", sha256hex, payload, encoded(name))
	b.files++
	b.names += maphash.String(b.seed, name)
	b.bytes += size
}

// encoded is a path as a manifest has it (RFC 8493, 2.1.3).
func encoded(path string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(path)
}

// Tag writes a tag file.
func (b *Bag) Tag(name string, content []byte) error {
	f, err := b.dir.OpenFile(temp(name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	sum := sha256.Sum256(content)
	return b.settle(f, err, name, hex.EncodeToString(sum[:]))
}

// settle gives a tag file that was written its name.
func (b *Bag) settle(f *os.File, err error, name, sum string) error {
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = b.dir.Rename(temp(name), name)
	}
	b.tags = append(b.tags, sum+"  "+encoded(name)+"\n")
	return err
}

// Field is a line of bag-info.txt.
type Field struct{ Label, Value string }

// Finish makes the bag whole. To fields it adds Payload-Oxum.
func (b *Bag) Finish(fields []Field) error {
	if err := b.exact(); err != nil {
		return err
	}
	err := b.lines.Flush()
	list := b.list
	b.list = nil
	if err := b.settle(list, err, manifest, b.written.sum()); err != nil {
		return err
	}
	if err := b.Tag(info, b.info(fields)); err != nil {
		return err
	}
	b.tags = append(b.tags, fmt.Sprintf("%x  %s\n", sha256.Sum256([]byte(declared)), declaration))
	slices.SortFunc(b.tags, func(a, b string) int { return strings.Compare(a[64:], b[64:]) })
	for _, last := range []struct{ name, content string }{{tagManifest, strings.Join(b.tags, "")}, {declaration, declared}} {
		if err := b.Tag(last.name, []byte(last.content)); err != nil {
			return err
		}
		if err := b.dir.SyncDir("."); err != nil {
			return err
		}
	}
	return nil
}

// exact is an error unless data/ holds what was added, and nothing else.
func (b *Bag) exact() error {
	held, names := 0, uint64(0)
	err := each(b.dir, payload, func(name string) error {
		held++
		names += maphash.String(b.seed, name)
		return nil
	})
	switch {
	case err != nil:
		return err
	case held != b.files:
		return fmt.Errorf("finish the bag: %s holds %d files, and %d belong into this bag: begin one in an empty directory", b.dir.Path(payload), held, b.files)
	case names != b.names:
		return fmt.Errorf("finish the bag: %s holds other files than the %d that belong into this bag: begin one in an empty directory", b.dir.Path(payload), b.files)
	}
	return nil
}

// info is bag-info.txt. A value is one line, whatever it holds.
func (b *Bag) info(fields []Field) []byte {
	var text bytes.Buffer
	for _, f := range append(fields, Field{"Payload-Oxum", fmt.Sprintf("%d.%d", b.bytes, b.files)}) {
		fmt.Fprintf(&text, "%s: %s\n", f.Label, strings.Join(strings.Fields(f.Value), " "))
	}
	return text.Bytes()
}

// digest hashes what is written through it.
type digest struct {
	to   io.Writer
	hash interface {
		io.Writer
		Sum([]byte) []byte
	}
}

func newDigest(to io.Writer) *digest { return &digest{to, sha256.New()} }

func (d *digest) Write(p []byte) (int, error) {
	_, _ = d.hash.Write(p) // never fails
	return d.to.Write(p)
}

func (d *digest) sum() string { return hex.EncodeToString(d.hash.Sum(nil)) }
