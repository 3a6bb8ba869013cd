package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"
)

func mustSetAside(t testing.TB, s *Store, name string) string {
	t.Helper()
	aside, err := s.SetAside(name, Reason{Reason: "too large", Status: 413, Attempts: 5})
	if err != nil {
		t.Fatalf("set aside %q: %v", name, err)
	}
	return aside
}

func TestSetAside(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	m.put(ownName(1), "first")
	if got := mustSetAside(t, s, ownName(1)); got != ownName(1) {
		t.Errorf("got %q, want %q", got, ownName(1))
	}
	var reason Reason
	if err := json.Unmarshal([]byte(m.read(t, "rejected/"+ownName(1)+".reason.json")), &reason); err != nil {
		t.Fatal(err)
	}
	want := Reason{Time: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), Name: ownName(1), Original: ownName(1), Reason: "too large", Status: 413, Attempts: 5}
	if reason != want {
		t.Errorf("got %+v, want %+v", reason, want)
	}
	m.put(ownName(1), "second")
	if got := mustSetAside(t, s, ownName(1)); got != ownName(1)+".2" {
		t.Errorf("an occupied name: got %q", got)
	}
	m.put("rejected/"+ownName(2)+".reason.json", "{}") // of a file that is gone
	m.put(ownName(2), "third")
	if got := mustSetAside(t, s, ownName(2)); got != ownName(2)+".2" {
		t.Errorf("an occupied reason: got %q", got)
	}
	if got := m.powerCut(namesLost, contentLost); fmt.Sprint(got.names(".")) != "[.state ledger rejected]" || len(got.names("rejected")) != 7 {
		t.Errorf("after a power cut: %q, rejected %q", got.names("."), got.names("rejected"))
	}
	m.put("tw-dir/x", "")
	for name, want := range map[string]error{"tw-none": fs.ErrNotExist, "tw-dir": ErrNotRegular, "../x": nil, "a/b": nil, "": nil, ".state": nil, "x\x00": nil} {
		if aside, err := s.SetAside(name, Reason{}); err == nil || want != nil && !errors.Is(err, want) || errors.As(err, new(*Error)) {
			t.Errorf("set aside %q: got %q, %v; want %v about the file", name, aside, err, want)
		}
	}
	m.put(ownName(3), "x")
	m.capacity = m.root.size() + 10
	if _, err := s.SetAside(ownName(3), Reason{}); !errors.As(err, new(*FullError)) || m.read(t, ownName(3)) != "x" {
		t.Errorf("full disk: got %v", err)
	}
}

// Names that would pass for a reason or for the grabber's, or leave no room
// for a reason's, are changed; putting back gives the old one again.
func TestSetAsideStrangeNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"tw-x.reason.json", "tw-x.damaged", "tw-x.damaged.reason.json", "tw-\n", "tw-é\xff\xfe",
		"tw-" + strings.Repeat("n", 252), "tw-" + strings.Repeat("é", 126), "tw-" + strings.Repeat("n", 189) + ".reason.json" + strings.Repeat("n", 51),
	} {
		t.Run(fmt.Sprintf("%.30q", name), func(t *testing.T) {
			t.Parallel()
			s := shipStore(t, nil)
			put := func() {
				f, err := s.fs.OpenFile(name, 0x41, 0o600) // O_WRONLY|O_CREAT
				if err == nil {
					err = errors.Join(writeAll(f, []byte("x")), f.Close())
				}
				if err != nil {
					t.Skipf("this file system does not take the name: %v", err)
				}
			}
			put()
			first := mustSetAside(t, s, name)
			put()
			second := mustSetAside(t, s, name)
			for _, aside := range []string{first, second} {
				if strings.HasSuffix(aside, damagedSuffix) || strings.HasSuffix(aside, reasonSuffix) || utf8.ValidString(name) && !utf8.ValidString(aside) {
					t.Errorf("set aside as %q", aside)
				}
			}
			if err := s.CleanRejected(); err != nil {
				t.Fatal(err)
			}
			found, err := s.Rejected()
			if err != nil || len(found) != 2 || found[0].Name != first || found[1].Name != second || found[0].Reason != "too large" {
				t.Fatalf("rejected: %+v, %v; want %q and %q with reasons", found, err, first, second)
			}
			back, err := s.Retry(first)
			if err != nil || back != name {
				t.Errorf("put back: got %q, %v; want %q", back, err, name)
			}
			again, err := s.Retry(second)
			if err != nil || again == name || !strings.HasPrefix(again, "tw-") || !s.ships(again) {
				t.Errorf("put back beside it: got %q, %v", again, err)
			}
			if found, err := s.Rejected(); len(found) != 0 || err != nil {
				t.Errorf("then rejected holds %+v, %v", found, err)
			}
		})
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	for i, content := range []string{"first", "second", "third"} {
		m.put(ownName(1), content)
		want := ownName(1)
		if i > 0 {
			want += fmt.Sprint(".", i+1)
		}
		if got := mustSetAside(t, s, ownName(1)); got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	f, _ := parseName(ownName(1))
	for i, want := range []string{ownName(1), f.after().String(), f.after().after().String()} {
		name := ownName(1)
		if i > 0 {
			name += fmt.Sprint(".", i+1)
		}
		got, err := s.Retry(name)
		if at, ok := s.CapturedAt(got); got != want || err != nil || !ok || !at.Equal(f.at) {
			t.Errorf("put back %q: got %q, %v; want %q", name, got, err, want)
		}
	}
	if got := m.powerCut(namesLost, contentLost).names("."); len(got) != 6 {
		t.Errorf("after a power cut the store holds %q", got)
	}
	if got := m.read(t, f.after().String()); got != "second" || len(m.names("rejected")) != 0 {
		t.Errorf("the second has %q, rejected holds %q", got, m.names("rejected"))
	}
	m.put("rejected/"+ownName(2)+".7", "no reason")
	m.put("rejected/tw-foreign.3", "no reason")
	m.put("rejected/other-x", "another prefix")
	m.put("rejected/tw-evil", "x")
	m.put("rejected/tw-evil.reason.json", `{"original":"../../outside"}`)
	m.put("rejected/tw-sly", "x")
	m.put("rejected/tw-sly.reason.json", `{"original":"grabber.dat"}`)
	m.put("rejected/tw-x.damaged", "x")
	m.put("rejected/tw-x.damaged.reason.json", "{}")
	m.put("rejected/tw-dir/x", "x")
	for _, test := range []struct{ name, want string }{
		{ownName(2) + ".7", ownName(2)}, {"tw-foreign.3", "tw-foreign.3"}, {"tw-evil", "tw-evil"},
		{"other-x", ""}, {"tw-sly", ""}, {"tw-x.damaged", ""}, {"tw-x.damaged.reason.json", ""}, {"tw-dir", ""}, {"none", ""},
		{"", ""}, {".", ""}, {"..", ""}, {"../grabber.dat", ""}, {"../" + ownName(1), ""}, {"/etc/passwd", ""}, {"tw-dir/x", ""}, {"tw-\x00", ""},
	} {
		got, err := s.Retry(test.name)
		if got != test.want || (err != nil) != (test.want == "") || errors.As(err, new(*Error)) {
			t.Errorf("put back %q: got %q, %v; want %q", test.name, got, err, test.want)
		}
	}
}

func TestCleanRejected(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	reasonOf := func(name string) string {
		text, _ := json.Marshal(Reason{Name: name, Original: name, Reason: "r"})
		return string(text)
	}
	m.put("rejected/a", "x")
	for _, name := range []string{"a", "lonely", "b.damaged", "lonely\xff", "c\n"} {
		m.putRaw(rejectedDir, name+reasonSuffix, reasonOf(name))
	}
	m.put("rejected/data.reason.json", "somebody's")
	m.put("rejected/moved.reason.json", reasonOf("another"))
	m.put("rejected/dir.reason.json/x", "x")
	if err := s.CleanRejected(); err != nil {
		t.Fatal(err)
	}
	want := []string{"a", "a.reason.json", "b.damaged.reason.json", "data.reason.json", "dir.reason.json", "moved.reason.json"}
	if got := m.names("rejected"); !slices.Equal(got, want) {
		t.Errorf("left %q, want %q", got, want)
	}
	found, err := s.Rejected()
	if err != nil || len(found) != 1 || found[0].Name != "a" || found[0].Reason != "r" {
		t.Errorf("rejected: %+v, %v", found, err)
	}
}

// putRaw is put for a name that JSON and fs.ValidPath do not know.
func (m *memFS) putRaw(dir, name, content string) {
	if utf8.ValidString(name) {
		m.put(dir+"/"+name, content)
	}
}

func TestRejectedWithoutReason(t *testing.T) {
	t.Parallel()
	m := newMemFS()
	s := shipStore(t, m)
	m.put("rejected/b", "x")
	m.put("rejected/b.reason.json", "{torn")
	m.put("rejected/a", "x")
	m.put("rejected/c.damaged", "x")
	m.put("rejected/c.damaged.reason.json", `{"name":"forged","lines":3,"reason":"torn"}`)
	m.put("rejected/.hidden", "x")
	m.put("rejected/dir/x", "x")
	found, err := s.Rejected()
	var got []string
	for _, r := range found {
		got = append(got, fmt.Sprintf("%s %d %s", r.Name, r.Lines, r.Reason))
	}
	if want := "[a 0 no reason is recorded b 0 no reason is recorded c.damaged 3 torn]"; fmt.Sprint(got) != want || err != nil {
		t.Errorf("got %v, %v; want %s", got, err, want)
	}
}

// Wherever SetAside and Retry end, the file is there once, whole, and after
// the next start's cleaning each rejected file has its reason and vice versa.
func TestSetAsideAndRetryDie(t *testing.T) {
	t.Parallel()
	scene := func() *memFS {
		m := newMemFS()
		shipStore(t, m)
		m.put(ownName(1), "content")
		return m
	}
	run := func(m *memFS) error {
		s, err := Open(Config{Dir: "/mem", Prefix: shipPrefix, WorkingName: "grabber.dat", fs: m})
		if err == nil {
			err = s.CleanRejected()
		}
		if err != nil {
			return err
		}
		aside, err := s.SetAside(ownName(1), Reason{Reason: "r"})
		if err != nil {
			return err
		}
		_, err = s.Retry(aside)
		return err
	}
	check := func(m *memFS, what func() string) bool {
		s, err := Open(Config{Dir: "/mem", Prefix: shipPrefix, WorkingName: "grabber.dat", fs: m})
		if err == nil {
			err = s.CleanRejected()
		}
		if err != nil {
			t.Errorf("%s: the next start: %v", what(), err)
			return false
		}
		stored := slices.Contains(m.names("."), ownName(1))
		left := m.names(rejectedDir) // a temporary file with this very pid is not stale
		aside := fmt.Sprint(slices.DeleteFunc(left, func(name string) bool { return strings.HasPrefix(name, ".") }))
		if stored && aside == "[]" || !stored && aside == fmt.Sprintf("[%s %[1]s.reason.json]", ownName(1)) {
			return true
		}
		t.Errorf("%s: in the store %v, rejected holds %s", what(), stored, aside)
		return false
	}
	for how, dies := range deaths {
		for n := 1; ; n++ {
			m := scene()
			m.dieAt(n, dies)
			if err := run(m); !m.died() {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			cuts := m.powerCuts()
			cuts["kill"] = m.restart()
			for cut, next := range cuts {
				if !check(next, func() string { return fmt.Sprintf("died %s operation %d, %s:\n%s", how, n, cut, m.trace()) }) {
					return
				}
			}
		}
	}
	for n := 1; ; n++ {
		m := scene()
		before := m.operations()
		m.failAt(n, syscall.EIO)
		err := run(m)
		if m.operations()-before < n {
			return
		}
		if !check(m.restart(), func() string { return fmt.Sprintf("EIO at operation %d (%v):\n%s", n, err, m.trace()) }) {
			return
		}
	}
}
