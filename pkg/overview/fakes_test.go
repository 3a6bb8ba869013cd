package overview

import (
	"encoding/json"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// now is when the tests look.
var now = time.Date(2026, 8, 23, 10, 0, 0, 0, time.UTC)

// ago is a time before now.
func ago(d time.Duration) time.Time { return now.Add(-d) }

// fakeSpool is a store in memory.
type fakeSpool struct {
	state    map[string][]byte
	holders  map[string]int // role to pid
	files    map[string]int64
	rejected []store.Reason
	receipts []store.Receipt
	damage   []store.Damage
	total    int // receipts in the ledger
	free     int64
	freeErr  error
	fail     error // every call's
	checked  int   // calls of LedgerSummary
}

func (s *fakeSpool) Dir() string { return "/srv/twitter-stream/store" }

func (s *fakeSpool) ReadState(name string) ([]byte, error) {
	if data, ok := s.state[name]; ok || s.fail != nil {
		return data, s.fail
	}
	return nil, fs.ErrNotExist
}

func (s *fakeSpool) Holder(role string) (store.Holder, bool, error) {
	pid, ok := s.holders[role]
	return store.Holder{PID: pid}, ok, s.fail
}

// Scan asks skip only about names that may be among the first, as a store does.
func (s *fakeSpool) Scan(limit int, skip func(string) bool) (store.Backlog, error) {
	var b store.Backlog
	for name, size := range s.files {
		b.Count++
		b.Bytes += size
		if len(b.Names) >= limit && name > b.Names[len(b.Names)-1] || skip(name) {
			continue
		}
		b.Names = append(b.Names, name)
		slices.Sort(b.Names)
		b.Names = b.Names[:min(limit, len(b.Names))]
	}
	return b, s.fail
}

func (s *fakeSpool) CapturedAt(name string) (time.Time, bool) {
	at, err := time.Parse("20060102T150405Z", strings.TrimPrefix(name, "p-"))
	return at, err == nil
}

func (s *fakeSpool) Rejected() ([]store.Reason, error)           { return s.rejected, s.fail }
func (s *fakeSpool) Recent(int, string) ([]store.Receipt, error) { return s.receipts, s.fail }
func (s *fakeSpool) Free() (int64, error)                        { return s.free, s.freeErr }
func (s *fakeSpool) LedgerSummary() (int, []store.Damage, error) {
	s.checked++
	return s.total, s.damage, s.fail
}

func named(at time.Time) string { return "p-" + at.Format("20060102T150405Z") }

// put writes a status.
func (s *fakeSpool) put(t testing.TB, name string, v any) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	s.state[name] = data
}

func common(pid int, state string) status.Common {
	return status.Common{
		PID: pid, Started: ago(2 * time.Hour), Time: ago(time.Second), Beat: 7,
		State: state, Since: ago(time.Hour), Version: "1.0.0",
	}
}

// healthy is a store in which all goes well.
func healthy(t testing.TB) *fakeSpool {
	t.Helper()
	s := &fakeSpool{
		state:   map[string][]byte{},
		holders: map[string]int{store.RoleDaemon: 11, store.RoleGrabber: 12, store.RoleUploader: 13},
		files:   map[string]int64{named(ago(20 * time.Second)): 1 << 20},
		total:   1034, free: 12 << 30,
	}
	s.put(t, store.StateDaemon, status.Daemon{Common: common(11, status.Running), Children: []status.Child{
		{Name: "grabber", PID: 12, State: "running", Since: ago(time.Hour), Restarts: 1, LastExit: "exit 1"},
		{Name: "uploader", PID: 13, State: "running", Since: ago(2 * time.Hour)},
	}})
	s.put(t, store.StateGrabber, status.Grabber{
		Common: common(12, status.Capturing), Messages: 412_345, Bytes: 1 << 30, Files: 1034,
		MessagesPerS: 57.34, BytesPerS: 150_000, LastMessage: ago(200 * time.Millisecond), Connected: ago(time.Hour), Connects: 1,
	})
	s.put(t, store.StateUploader, status.Uploader{
		Common: common(13, status.Uploading), Uploaded: 1030, Bytes: 1 << 30, Waiting: 1, InFlight: 1, LastUpload: ago(12 * time.Second),
	})
	for i := range 30 {
		s.receipts = append(s.receipts, store.Receipt{Time: ago(time.Duration(30-i) * 12 * time.Second), Name: named(ago(time.Hour)), Size: 2 << 20})
	}
	return s
}

// troubled is a store in which much goes wrong.
func troubled(t testing.TB) *fakeSpool {
	t.Helper()
	s := healthy(t)
	delete(s.holders, store.RoleUploader)
	s.receipts, s.free = s.receipts[:3], 1<<30
	s.files = map[string]int64{named(ago(3 * time.Hour)): 40 << 20, named(ago(-2 * time.Hour)): 1 << 20, "p-foreign": 5}
	g := status.Grabber{
		Common: common(12, status.Waiting), Messages: 5, BytesPerS: 150_000, Garbage: 3, Torn: 1_200, LastMessage: ago(11 * time.Minute),
		Warning: "FALLING_BEHIND: 60 %", Undelivered: 22, RecoveredDamaged: 1,
	}
	g.NextTry, g.Detail = now.Add(90*time.Second), "the service limits our rate: waiting"
	g.LastError, g.LastErrorAt = "read https://stream.twitter.com/1.1/statuses/sample.json: 420 Enhance Your Calm: \u00ab\x1b[2J\u00bb Exceeded connection limit for user", ago(30*time.Second)
	s.put(t, store.StateGrabber, g)
	u := status.Uploader{Common: common(13, status.Uploading), Uploaded: 3}
	u.Time = ago(10 * time.Minute)
	s.put(t, store.StateUploader, u)
	s.put(t, store.StateDaemon, status.Daemon{Common: common(11, status.Running), Children: []status.Child{
		{Name: "uploader", Restarts: 4, LastExit: "signal killed", NextStart: now.Add(8 * time.Second)},
	}})
	s.rejected = []store.Reason{
		{Time: ago(time.Hour), Name: "p-b", Reason: "413 too large"},
		{Time: ago(time.Minute), Name: "p-a\n", Reason: "400 bad request"},
	}
	s.damage = []store.Damage{{File: "ledger/2026-07.jsonl", Line: 17, Err: fs.ErrInvalid}}
	return s
}
