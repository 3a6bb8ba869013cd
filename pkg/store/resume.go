package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/storj/twitter-stream/pkg/pack"
)

// Memory is what a capture remembers of its messages, so that the next process
// can go on where this one ended. The store keeps it and knows nothing of what
// it says.
//
// Early and Save return what is to be kept, nil where there is nothing; it stays
// as it is until they are asked again. It is on the disk, in .state/resume, before a file gets its final name: from then on
// the file may be shipped and gone, and nobody else would know what was in it.
type Memory interface {
	// Stored is told of whole lines that are in the working file now.
	Stored(lines []byte)
	// Cut ends a file: all that was stored so far is in it or in one before.
	Cut() (number uint64)
	// Position is the last one that is stored, "" for none: for people and other
	// programs.
	Position() string
	// Save is asked when all files up to that cut are about to be finished; 0:
	// those that recovery found.
	Save(number uint64) []byte
	// Early is asked when all that is stored by now is about to be synced and no
	// file of this process is finished yet; nil where Save(0) has something to say.
	Early() []byte
}

const (
	resumeName = stateDir + "/resume"
	// maxResume is far more than a Memory keeps, in bytes.
	maxResume = 64 << 20
	// saveEvery is the shortest time between two writes of .state/resume and of
	// the captured book, and saveRate how many bytes a second the former may come
	// to: at the highest rates it holds megabytes, and is written once for many
	// files.
	saveEvery = 100 * time.Millisecond
	saveRate  = 4 << 20
)

// keeping is what the finisher knows of .state/resume.
type keeping struct {
	rest time.Time // until then it is not written again; monotonic
	text []byte    // what Memory said and is not on the disk yet
	of   string    // of which file
}

// remember keeps what Memory has to say of files that are about to be finished,
// the last of which has that name. Behind the name of the last file that it
// tells of comes what Save returned.
func (w *Writer) remember(last string, number uint64) error {
	if w.cfg.Memory == nil {
		return nil
	}
	k := &w.keeping
	if k.text == nil || k.of != last { // not again for each try on a full disk: Save forgets what it has told
		k.text, k.of = w.cfg.Memory.Save(number), last
	}
	if k.text == nil {
		return nil
	}
	size := time.Duration(len(k.text))
	err := w.s.replaceFile(resumeName, true, []byte(last+"\n"), k.text)
	if err == nil {
		k.text, k.rest = nil, time.Now().Add(max(saveEvery, size*time.Second/saveRate))
	}
	return err
}

// early asks Memory, w.mu held, for what rememberEarly keeps when a batch is
// done that holds all that is stored. Once a file has gone to the finisher, it
// is Save that speaks.
func (w *Writer) early(b batch) []byte {
	complete := b.cut == len(w.cut) && w.work != nil && len(b.files) > b.cut
	if w.cfg.Memory == nil || w.earlyDone || w.handed || !complete {
		return nil
	}
	data := w.cfg.Memory.Early()
	w.earlyDone = data != nil
	return data
}

// rememberEarly keeps where the stream stood when a sync began that is done
// now: until a file is finished, nobody else would know. Its failure costs no
// message.
func (w *Writer) rememberEarly(early []byte) {
	if early == nil {
		return
	}
	if err := w.s.replaceFile(resumeName, true, []byte("\n"), early); err != nil {
		w.s.cfg.Notice(w.s.path(resumeName), "where the stream stands cannot be written: "+err.Error())
	}
}

// Resume returns what the Memory of a process before this one had to say, nil
// if there is nothing, and calls each with the messages that it does not tell
// of: those of the working file and of the files that are not finished, in
// their order. Call it under the grabber's lock and before NewWriter.
func (s *Store) Resume(load func(saved []byte), each func(message []byte)) error {
	data, err := s.readFile(resumeName, maxResume)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s.trouble("read", resumeName, err)
	}
	last, saved, _ := bytes.Cut(data, []byte{'\n'})
	if len(saved) > 0 {
		load(saved)
	}
	left, _, err := s.beingFinished()
	if err != nil {
		return err
	}
	told, _ := parseName(string(last)) // of an early write, none: a time before all others
	names := []string{}
	for _, name := range left {
		if f, ok := parseName(name); ok && f.compare(told) > 0 {
			names = append(names, dotName(name))
		}
	}
	for _, name := range append(names, s.cfg.WorkingName) {
		if err := s.eachMessage(name, each); err != nil {
			return err
		}
	}
	return nil
}

// eachMessage reads a file as recovery will. One that cannot be read is
// recovery's to tell of.
func (s *Store) eachMessage(name string, each func(message []byte)) error {
	info, err := s.fs.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return nil
	}
	f, err := s.fs.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // only read
	if method := pack.Of(name); method != pack.None {
		return eachPacked(f, method, each)
	}
	err = splitPieces(f, info.Size(), func(p piece) error {
		if p.kind == pieceMessage {
			each(p.data)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errUnreadable) {
		return fmt.Errorf("read %.80q: %w", name, err)
	}
	return nil
}

// eachPacked reads a file that was whole before it was packed. Where it no longer
// is, recovery will set all of it aside: nothing in it is taken for stored.
func eachPacked(f file, method pack.Method, each func(message []byte)) error {
	content, err := pack.Open(method, f)
	if err != nil {
		return nil
	}
	var last lastByte
	_, err = io.Copy(&last, content)
	_ = content.Close() // it frees memory alone
	if err != nil || last != '\n' {
		return nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	content, err = pack.Open(method, f)
	if err != nil {
		return err
	}
	defer content.Close() //nolint:errcheck // as above
	lines := bufio.NewScanner(content)
	lines.Buffer(nil, maxWhole)
	for lines.Scan() {
		each(lines.Bytes())
	}
	return lines.Err()
}

// lastByte is the last byte that was written to it.
type lastByte byte

func (l *lastByte) Write(p []byte) (int, error) {
	if len(p) > 0 {
		*l = lastByte(p[len(p)-1])
	}
	return len(p), nil
}
