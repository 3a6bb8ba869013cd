package overview

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

var _ spool = (*store.Store)(nil)

func look(t testing.TB, s *fakeSpool) View {
	t.Helper()
	v, err := newReader(s, Limits{MinFree: 64 << 20}).Read(now)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	empty := &fakeSpool{freeErr: errors.ErrUnsupported}
	for _, tt := range []struct {
		name string
		in   *fakeSpool
	}{{"healthy", healthy(t)}, {"troubled", troubled(t)}, {"empty", empty}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v := look(t, tt.in)
			text, err := v.JSON()
			if err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name+".json", text)
			var plainText, colourText bytes.Buffer
			if err := errors.Join(v.Table(&plainText, false), v.Table(&colourText, true)); err != nil {
				t.Fatal(err)
			}
			golden(t, tt.name+".txt", plainText.Bytes())
			golden(t, tt.name+".colour.txt", colourText.Bytes())
			for line := range strings.Lines(plainText.String()) {
				if len(line) > columns+1 || strings.ContainsFunc(strings.TrimRight(line, "\n"), func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Errorf("line %q: want plain ASCII of at most %d columns", line, columns)
				}
			}
		})
	}
}

func TestOK(t *testing.T) {
	t.Parallel()
	all := []string{store.RoleDaemon, store.RoleGrabber, store.RoleUploader}
	grabber := func(change func(g *status.Grabber)) func(*testing.T, *fakeSpool) {
		return func(t *testing.T, s *fakeSpool) {
			g := status.Grabber{Common: common(12, status.Capturing)}
			change(&g)
			s.put(t, store.StateGrabber, g)
		}
	}
	for _, tt := range []struct {
		name       string
		change     func(t *testing.T, s *fakeSpool)
		configured []string
		want       bool
	}{
		{"healthy", func(*testing.T, *fakeSpool) {}, all, true},
		{"waiting is no pause", grabber(func(g *status.Grabber) { g.State = status.Waiting }), all, true},
		{"paused", grabber(func(g *status.Grabber) { g.State = status.Paused }), all, false},
		{"stuck", grabber(func(g *status.Grabber) { g.Stuck = []string{"write"} }), all, false},
		{"an old status", grabber(func(g *status.Grabber) { g.Time = ago(11 * time.Second) }), all, false},
		{"a status of the future", grabber(func(g *status.Grabber) { g.Time = ago(-time.Hour) }), all, false},
		{"a dead one's status", grabber(func(g *status.Grabber) { g.PID = 99 }), all, false},
		{"a status that is none", func(_ *testing.T, s *fakeSpool) { s.state[store.StateGrabber] = []byte("\x00") }, all, false},
		{"the uploader is dead", func(_ *testing.T, s *fakeSpool) { delete(s.holders, store.RoleUploader) }, all, false},
		{"it is not configured", func(_ *testing.T, s *fakeSpool) { delete(s.holders, store.RoleUploader) }, all[:2], true},
		{"a process that there is none of", func(*testing.T, *fakeSpool) {}, []string{"moon"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := healthy(t)
			tt.change(t, s)
			if v := look(t, s); v.OK(tt.configured) != tt.want {
				t.Errorf("OK(%v) = %v, want %v; grabber %+v", tt.configured, !tt.want, tt.want, v.Grabber.Process)
			}
		})
	}
}

func TestStateOfTheDead(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		state string
		alive bool
		want  string
	}{
		{"stopped", status.Stopped, false, status.Stopped},
		{"done", status.Done, false, status.Done},
		{"failed", status.Failed, false, status.Failed},
		{"killed", status.Capturing, false, Gone},
		{"killed while stopping", status.Stopping, false, Gone},
		{"another one has started", status.Failed, true, status.Starting},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := healthy(t)
			s.put(t, store.StateGrabber, status.Grabber{Common: common(99, tt.state), MessagesPerS: 5, BytesPerS: 9e9})
			if !tt.alive {
				delete(s.holders, store.RoleGrabber)
			}
			v := look(t, s)
			if v.Grabber.State != tt.want || v.Grabber.Beating || v.Grabber.MessagesPerS != 0 || v.Backlog.CapturedPerS != 0 {
				t.Errorf("grabber = %+v, want %s, neither beating nor capturing", v.Grabber, tt.want)
			}
		})
	}
}

func TestTheLedgerIsNotReadAtEachLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := troubled(t)
		r := newReader(s, Limits{})
		for range 120 {
			v, err := r.Read(now)
			if err != nil || len(v.Ledger.Damage) != 1 || v.Ledger.Receipts != 1034 {
				t.Fatalf("ledger = %+v, %v, want one damage", v.Ledger, err)
			}
			time.Sleep(time.Second)
		}
		if s.checked != 2 {
			t.Errorf("read %d times in two minutes, want 2", s.checked)
		}
	})
}

func TestAFailingStoreIsAnError(t *testing.T) {
	t.Parallel()
	s := healthy(t)
	s.fail = &store.Error{Op: "list", Path: "store", Err: errors.New("input/output error")}
	_, err := newReader(s, Limits{}).Read(now)
	var failed *store.Error
	if !errors.As(err, &failed) {
		t.Errorf("Read = %v, want a *store.Error", err)
	}
}

func TestARealStore(t *testing.T) {
	t.Parallel()
	s, err := store.Open(store.Config{Dir: filepath.Join(t.TempDir(), "store"), Prefix: "p-", WorkingName: "grabber.dat", Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	lock, err := s.Lock(t.Context(), store.RoleGrabber, store.Holder{PID: os.Getpid()})
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	data, err := json.Marshal(status.Grabber{Common: status.Common{PID: os.Getpid(), State: status.Capturing, Time: time.Now()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.WriteState(store.StateGrabber, data, false); err != nil {
		t.Fatal(err)
	}
	w, err := s.NewWriter(store.WriterConfig{CutBytes: 5})
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"{1}\n", "{2}\n"} {
		if _, err := w.Append([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := New(s, Limits{}).Read(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !v.OK([]string{store.RoleGrabber}) || v.OK([]string{store.RoleDaemon}) {
		t.Errorf("grabber = %+v, daemon = %+v, want only the grabber well", v.Grabber.Process, v.Daemon.Process)
	}
	if v.Backlog.Files != 2 || v.Backlog.Bytes != 8 || v.Backlog.OldestAge <= 0 || v.Backlog.OldestAge > 60 {
		t.Errorf("backlog = %+v, want two new files of 8 bytes", v.Backlog)
	}
}

// Who would start the daemon again asks only for what a start would mend, and
// reads no book for it.
func TestAlive(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		state string // the daemon's status
		pid   int    // who holds the lock; 0: nobody
		want  bool
		says  string
	}{
		{"never ran", "", 0, false, "no daemon runs"},
		{"gone", daemonStatus(7, time.Second), 0, false, "no daemon runs"},
		{"well", daemonStatus(7, time.Second), 7, true, "pid 7"},
		{"starting", "", 7, true, "pid 7"},
		{"starting after another", daemonStatus(6, time.Hour), 7, true, "pid 7"},
		{"hangs", daemonStatus(7, 11*time.Second), 7, false, "has not written"},
		{"damaged", "no JSON", 7, true, "pid 7"},
	} {
		s := &fakeSpool{state: map[string][]byte{}, holders: map[string]int{}}
		if tt.state != "" {
			s.state[store.StateDaemon] = []byte(tt.state)
		}
		if tt.pid != 0 {
			s.holders[store.RoleDaemon] = tt.pid
		}
		ok, says, err := newReader(s, Limits{}).Alive(now)
		if ok != tt.want || !strings.Contains(says, tt.says) || err != nil {
			t.Errorf("%s: %v, %q, %v; want %v, %q", tt.name, ok, says, err, tt.want, tt.says)
		}
		if s.checked != 0 {
			t.Errorf("%s: the ledger was read", tt.name)
		}
	}
	if _, _, err := newReader(&fakeSpool{fail: fs.ErrPermission}, Limits{}).Alive(now); err == nil {
		t.Error("a store that cannot be read is no error")
	}
}

func daemonStatus(pid int, age time.Duration) string {
	return fmt.Sprintf(`{"pid":%d,"started":%q,"time":%q,"beat":1,"state":"running","children":[]}`,
		pid, ago(time.Hour).Format(time.RFC3339), ago(age).Format(time.RFC3339))
}
