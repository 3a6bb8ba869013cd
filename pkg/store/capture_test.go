package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/pack"
)

// capture runs a grabber's half of the store on a memFS and remembers what it
// was promised. Its messages carry numbers, so that each can be looked for.
type capture struct {
	m    *memFS
	cfg  WriterConfig
	now  func() time.Time // the wall clock; nil: that of the bubble
	next int              // number of the next message

	accepted map[int]time.Time // messages that Append took, and when
	offered  map[int]bool      // those that it may have written without saying so
	last     time.Time         // of the last message accepted
	finished []string          // as told by Finished
	content  map[string]string // of those, when told
	notices  []string
	later    Compression // of the next life
}

const capturePrefix = "p-"

func newCapture(m *memFS) *capture {
	c := &capture{
		m: m, next: 1000, accepted: map[int]time.Time{}, offered: map[int]bool{}, content: map[string]string{},
		cfg: WriterConfig{CutBytes: 150, SyncInterval: time.Second, CutInterval: time.Minute},
	}
	c.cfg.Finished = func(name string, bytes int64) {
		c.finished = append(c.finished, name)
		m.mu.Lock()
		defer m.mu.Unlock()
		if n, err := m.find(name); err == nil {
			c.content[name] = string(n.data)
		}
	}
	return c
}

func (c *capture) open() (*Store, error) {
	return Open(Config{Dir: "/mem", Prefix: capturePrefix, WorkingName: "grabber.dat", Create: true, Now: c.now, fs: c.m,
		Notice: func(file, sentence string) { c.notices = append(c.notices, file+": "+sentence) }})
}

func message(n int) string { return fmt.Sprintf(`{"seq":%d,"text":"x y"}`, n) }

// writer opens the store and a writer.
func (c *capture) writer() (*Writer, error) {
	for tries := 0; ; tries++ {
		s, err := c.open()
		if err == nil {
			var w *Writer
			if w, err = s.NewWriter(c.cfg); err == nil {
				return w, nil
			}
		}
		if !isFull(err) || tries > 1000 {
			return nil, err
		}
		time.Sleep(time.Second) // as the supervisor does
	}
}

// add appends n messages as a grabber would: what was not taken is offered
// again, a full disk is waited out.
func (c *capture) add(w *Writer, n int) error {
	var lines []byte
	var sizes []int
	first := c.next
	for range n {
		c.offered[c.next] = true
		line := message(c.next) + "\n"
		lines, sizes = append(lines, line...), append(sizes, len(line))
		c.next++
	}
	for tries := 0; len(lines) > 0; tries++ {
		taken, err := w.Append(lines)
		if tries > 1000 {
			return fmt.Errorf("nothing is taken: %v", err)
		}
		if err != nil {
			taken = 0 // perhaps written, but not promised
		}
		for left := taken; left > 0; sizes = sizes[1:] {
			c.accepted[first], c.last = time.Now(), time.Now()
			left -= sizes[0]
			first++
		}
		lines = lines[taken:]
		if err := c.fullIsFine(w, err); err != nil {
			return err
		}
	}
	return nil
}

// fullIsFine waits until there is room again, if that is what err says.
func (c *capture) fullIsFine(w *Writer, err error) error {
	for tries := 0; isFull(err); tries++ {
		if tries > 1000 {
			return fmt.Errorf("full for ever: %v", err)
		}
		time.Sleep(time.Second)
		err = w.Room()
	}
	return err
}

// run is a life of a grabber: it starts, appends, cuts by size and by hand,
// syncs, waits and ends.
func (c *capture) run(ctx context.Context) error {
	w, err := c.writer()
	if err != nil {
		return err
	}
	for i := range 6 {
		if err = c.add(w, 1+i%3*4); err != nil {
			break
		}
		time.Sleep(time.Duration(i%4) * 300 * time.Millisecond)
		if err = c.fullIsFine(w, w.Room()); err != nil {
			break
		}
		if i == 3 {
			if err = c.fullIsFine(w, w.Cut()); err != nil {
				break
			}
		}
		if err = w.Tick(); err != nil {
			break
		}
	}
	err = errors.Join(err, w.Close(ctx))
	time.Sleep(time.Minute) // an fsync that hangs may outlive Close, not the bubble
	return err
}

// oldStore is a store in which a dead grabber left all that one can leave.
func oldStore() *memFS {
	m := newMemFS()
	m.put(versionFile, "1\n")
	m.put("ledger/.keep", "")
	m.put("rejected/.keep", "")
	m.put("p-19990101T000000.000001Z-000000.jsonl", message(1)+"\n")
	m.put(".p-19990101T000000.000002Z-000001.jsonl", message(2)+"\n"+message(3)+"\n")
	m.put(".p-19990101T000000.000003Z-000002.jsonl", message(4)+"\n"+`{"torn`+"\n"+message(5)+"\n\x00\x00\x00")
	m.put(".p-19990101T000000.000004Z-000003.jsonl", message(6)+message(7)+`{"seq":8`) // the original's
	m.put(".p-19990101T000000.000005Z-000004.jsonl", `{"only":"torn`)
	m.put("grabber.dat", message(9)+"\n"+message(10))
	return m
}

// packedStore is oldStore as a grabber leaves it that packs: one file is packed
// already and only lacks its final name, of another there is a half one.
func packedStore(method pack.Method) *memFS {
	m := oldStore()
	const whole, torn = ".p-19990101T000000.000002Z-000001.jsonl", ".p-19990101T000000.000003Z-000002.jsonl"
	m.put(whole+method.Suffix(), packedContent(method, string(m.root.entries[whole].data)))
	_ = m.Remove(whole)
	_ = m.SyncDir(".")
	m.log = nil
	half := packedContent(method, message(4)+"\n"+message(5)+"\n")
	m.put(torn+method.Suffix(), half[:len(half)/2])
	return m
}

func packedContent(method pack.Method, content string) string {
	var to strings.Builder
	p, err := pack.New(method, 0)
	if err == nil {
		err = p.Pack(&to, strings.NewReader(content))
	}
	if err != nil {
		panic(err)
	}
	return to.String()
}

// inside returns what is in a file.
func inside(t testing.TB, name, content string) string {
	t.Helper()
	r, err := pack.Open(pack.Of(name), strings.NewReader(content))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return ""
	}
	defer r.Close() //nolint:errcheck // it frees memory alone
	text, err := io.ReadAll(r)
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return string(text)
}

// way is how files are packed in a life, and in the one after it.
type way struct {
	now, later Compression
	old        func() *memFS
}

func (w way) capture() *capture {
	c := newCapture(w.old())
	c.cfg.Compress, c.later = w.now, w.later
	return c
}

// ways are those that each crash is tried in.
func ways() map[string]way {
	zstd, gzip := Compression{Method: pack.Zstd}, Compression{Method: pack.Gzip, Level: 1}
	return map[string]way{
		"plain":         {Compression{}, Compression{}, oldStore},
		"zstd":          {zstd, zstd, func() *memFS { return packedStore(pack.Zstd) }},
		"gzip, then no": {gzip, Compression{}, func() *memFS { return packedStore(pack.Zstd) }},
	}
}

// eachWay runs a test in each way.
func eachWay(t *testing.T, test func(t *testing.T, way way)) {
	t.Helper()
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, way)
		})
	}
}

// oldMessages are the whole ones in it.
var oldMessages = []int{1, 2, 3, 4, 5, 6, 7, 9, 10}

// recovered lets the next grabber start on m and end in peace.
func recovered(t testing.TB, m *memFS) *capture {
	t.Helper()
	return recoveredBy(t, m, Compression{})
}

// recoveredBy is recovered with another setting.
func recoveredBy(t testing.TB, m *memFS, by Compression) *capture {
	t.Helper()
	c := newCapture(m)
	c.cfg.Compress = by
	w, err := c.writer()
	if err == nil {
		err = w.Close(t.Context())
	}
	if err != nil {
		t.Errorf("recovery: %v", err)
	}
	return c
}

// where returns in which file each message is, and fails on whatever breaks a
// promise about finished files.
func where(t testing.TB, m *memFS) map[int]string {
	t.Helper()
	found, last := map[int]string{}, 0
	for _, name := range m.names(".") {
		if name == "grabber.dat" || name[0] == '.' && name != stateDir {
			t.Errorf("%s is left in the store", name)
		}
		if !strings.HasPrefix(name, capturePrefix) {
			continue
		}
		text := inside(t, name, m.read(t, name))
		if text == "" || !strings.HasSuffix(text, "\n") {
			t.Errorf("%s does not end in a line end: %q", name, text)
		}
		for line := range strings.Lines(text) {
			var got struct{ Seq int }
			if err := json.Unmarshal([]byte(line), &got); err != nil || line != message(got.Seq)+"\n" {
				t.Errorf("%s has a line that nobody sent: %q", name, line)
				continue
			}
			if other, twice := found[got.Seq]; twice {
				t.Errorf("message %d is in %s and in %s", got.Seq, other, name)
			}
			if got.Seq < last {
				t.Errorf("message %d in %s comes after %d", got.Seq, name, last)
			}
			found[got.Seq], last = name, got.Seq
		}
	}
	checkAside(t, m)
	checkBook(t, m)
	return found
}

// bookLines returns the last line of each name in the captured book.
func bookLines(t testing.TB, m *memFS) map[string]coverage.File {
	t.Helper()
	lines := map[string]coverage.File{}
	for _, name := range m.names(ledgerDir) {
		if !strings.HasPrefix(name, capturedPrefix) {
			continue
		}
		for text := range strings.Lines(m.read(t, ledgerDir+"/"+name)) {
			line, err := coverage.Decode([]byte(strings.TrimSuffix(text, "\n")))
			if err != nil {
				if strings.HasSuffix(text, "\n") {
					t.Errorf("the captured book has a line %q: %v", text, err)
				}
				continue
			}
			lines[line.File.Name] = *line.File
		}
	}
	return lines
}

// entered fails unless the captured book says of a file what is in it.
func entered(t testing.TB, lines map[string]coverage.File, name, content string) {
	t.Helper()
	line, ok := lines[name]
	file := sha256.Sum256([]byte(content))
	size := int64(len(content))
	content = inside(t, name, content)
	sum := sha256.Sum256([]byte(content))
	switch packed := pack.Of(name) != pack.None; {
	case !ok:
		t.Errorf("%s is finished and has no line in the captured book", name)
	case line.Bytes != int64(len(content)), line.Messages != uint64(strings.Count(content, "\n")), line.SHA256 != hex.EncodeToString(sum[:]):
		t.Errorf("%s holds %q, the captured book says %+v", name, content, line)
	case line.First.IsZero(), line.Last.Before(line.First):
		t.Errorf("%s: first %v, last %v", name, line.First, line.Last)
	case packed && (line.PackedBytes != size || line.PackedSHA256 != hex.EncodeToString(file[:])), !packed && (line.PackedBytes != 0 || line.PackedSHA256 != ""):
		t.Errorf("%s has %d bytes, the captured book says %+v", name, size, line)
	}
}

// checkBook checks that every finished file has its line, but for the one that
// was there before there was a book.
func checkBook(t testing.TB, m *memFS) {
	t.Helper()
	lines := bookLines(t, m)
	for _, name := range m.names(".") {
		if _, ok := parseOwn(capturePrefix, name); ok && name != beforeTheBook {
			entered(t, lines, name, m.read(t, name))
		}
	}
}

// beforeTheBook is the finished file of oldStore.
const beforeTheBook = "p-19990101T000000.000001Z-000000.jsonl"

// checkAside checks that what was set aside is no whole message and has its
// reason.
func checkAside(t testing.TB, m *memFS) {
	t.Helper()
	for _, name := range m.names(rejectedDir) {
		switch {
		case name == ".keep" || strings.HasSuffix(name, reasonSuffix):
		case !strings.HasSuffix(name, damagedSuffix):
			t.Errorf("%s is left in rejected/", name)
		default:
			var reason Reason
			if err := json.Unmarshal([]byte(m.read(t, rejectedDir+"/"+name+reasonSuffix)), &reason); err != nil {
				t.Errorf("reason of %s: %v", name, err)
			}
			lines := 0
			for line := range strings.Lines(m.read(t, rejectedDir+"/"+name)) {
				lines++
				if isMessage([]byte(line)) {
					t.Errorf("%s holds a whole message: %q", name, line)
				}
			}
			if lines != reason.Lines {
				t.Errorf("%s has %d lines, its reason says %d", name, lines, reason.Lines)
			}
		}
	}
}

// whole fails unless each message that was accepted is there exactly once, but
// for those that may be lost, and nothing that was finished has changed.
func (c *capture) whole(t testing.TB, next *memFS, mayBeLost func(accepted time.Time) bool) {
	t.Helper()
	found := where(t, next)
	for _, n := range oldMessages {
		if found[n] == "" {
			t.Errorf("message %d of the old store is lost", n)
		}
		delete(found, n)
	}
	for n, at := range c.accepted {
		if found[n] == "" && !mayBeLost(at) {
			t.Errorf("message %d, accepted at %v, is lost", n, at.Sub(c.last))
		}
	}
	for n := range found {
		if !c.offered[n] {
			t.Errorf("message %d was never sent", n)
		}
	}
	for name, content := range c.content {
		if n, err := next.find(name); err != nil {
			t.Errorf("%s was finished and is gone", name)
		} else if string(n.data) != content {
			t.Errorf("%s was finished and has changed from %q to %q", name, content, n.data)
		}
	}
}

// visible returns the finished files that anybody could see at the end.
func (c *capture) visible() map[string]string {
	c.m.mu.Lock()
	defer c.m.mu.Unlock()
	seen := map[string]string{}
	for name, n := range c.m.root.entries {
		if _, ok := parseName(name); ok {
			seen[name] = string(n.data)
		}
	}
	return seen
}

// keeps fails unless a power cut left what was told to be finished under its
// name at once, and whatever could be seen as finished (the uploader may have
// sent it) has its name and content after recovery.
func (c *capture) keeps(t testing.TB, next *memFS, visible map[string]string) {
	t.Helper()
	for name := range c.content {
		if _, err := next.find(name); err != nil {
			t.Errorf("%s was told to be finished, but its name is gone", name)
		}
	}
	lines := bookLines(t, next) // before recovery: what was shipped is not there to be recovered
	for name, content := range visible {
		if name != beforeTheBook {
			entered(t, lines, name, content)
		}
	}
	recoveredBy(t, next, c.later)
	for name, content := range visible {
		if n, err := next.find(name); err != nil || string(n.data) != content {
			t.Errorf("%s could be seen as finished, and is gone or has changed", name)
		}
	}
}

func never(time.Time) bool { return false }

// unsynced is what a power cut may take: what was accepted within the last
// sync interval of the capture.
func (c *capture) unsynced(at time.Time) bool { return c.last.Sub(at) <= c.cfg.SyncInterval }
