package directory

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// plainArchive is an archive at path on the real file system.
func plainArchive(t testing.TB, path string, m Memory) *Archive {
	t.Helper()
	a, err := New(Config{URL: URL(path), Timeout: time.Minute, Memory: m, Command: "uploader init-dir " + path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

const otherID = "0123456789abcdef0123456789abcdef"

// What is at the path, and what is remembered, decide whether it is the
// archive. Nothing is made but where nothing can be wrong.
func TestAdmission(t *testing.T) {
	t.Parallel()
	const marked = "marked" // the id of the marker that was made before
	for _, tt := range []struct {
		name    string
		prepare func(path string) error
		known   string
		good    bool
		kind    sink.Kind
		say     string
	}{
		{name: "never seen, not there", good: true},
		{name: "never seen, in an empty directory", kind: sink.Misdirected, say: "is empty",
			prepare: func(path string) error { return os.Remove(filepath.Join(filepath.Dir(path), "beside")) }},
		{name: "never seen, nothing above", kind: sink.Misdirected, say: "there is no",
			prepare: func(path string) error { return os.RemoveAll(filepath.Dir(path)) }},
		{name: "never seen, empty", kind: sink.Misdirected, say: Marker,
			prepare: func(path string) error { return os.Mkdir(path, 0o700) }},
		{name: "never seen, a file", kind: sink.Misdirected, say: "not a directory",
			prepare: func(path string) error { return os.WriteFile(path, nil, 0o600) }},
		{name: "never seen, an archive", good: true, prepare: makeArchive},
		{name: "known", known: marked, good: true, prepare: makeArchive},
		{name: "known, not there", known: otherID, kind: sink.Pause, say: "01234567 is not at"},
		{name: "known, nothing above", known: otherID, kind: sink.Pause, say: "is not at",
			prepare: func(path string) error { return os.RemoveAll(filepath.Dir(path)) }},
		{name: "known, empty mount point", known: otherID, kind: sink.Pause, say: "is not at",
			prepare: func(path string) error { return os.Mkdir(path, 0o700) }},
		{name: "known, another archive", known: otherID, kind: sink.Pause, say: "another archive", prepare: makeArchive},
		{name: "damaged marker", kind: sink.Temporary, say: "damaged",
			prepare: func(path string) error {
				return errors.Join(os.Mkdir(path, 0o700), os.WriteFile(filepath.Join(path, Marker), []byte("{"), 0o600))
			}},
		{name: "marker that is a directory", kind: sink.Temporary, say: "not a regular file",
			prepare: func(path string) error { return os.MkdirAll(filepath.Join(path, Marker), 0o700) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "above", "archive")
			err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(filepath.Join(filepath.Dir(path), "beside"), nil, 0o600))
			if tt.prepare != nil {
				err = errors.Join(err, tt.prepare(path))
			}
			if err != nil {
				t.Fatal(err)
			}
			m := &memory{id: tt.known}
			if tt.known == marked {
				found, err := Look(path)
				if err != nil {
					t.Fatal(err)
				}
				m.id = found.ID
			}
			before := tree(filepath.Dir(path))
			a := plainArchive(t, path, m)
			prepared := a.Prepare(t.Context())
			_, err = a.Put(t.Context(), sinktest.Object("object-1", []byte("content")))
			if tt.good {
				found, lookErr := Look(path)
				if prepared != nil || err != nil || lookErr != nil || m.id != found.ID {
					t.Errorf("prepare: %v, put: %v, look: %v; remembered %s of %s", prepared, err, lookErr, m.id, found.ID)
				}
				return
			}
			e := wants(t, "put", err, tt.kind)
			if !strings.Contains(e.Error(), tt.say) || (e.Kind == sink.Misdirected) != (prepared != nil) {
				t.Errorf("prepare: %v, put: %v; want %q", prepared, err, tt.say)
			}
			if e.Kind == sink.Misdirected && !strings.Contains(e.Hint, "uploader init-dir "+path) {
				t.Errorf("the hint is %q, which names no command", e.Hint)
			}
			if after := tree(filepath.Dir(path)); after != before {
				t.Errorf("there is now\n%s\nand was\n%s", after, before)
			}
		})
	}
}

func makeArchive(path string) error {
	_, err := Init(path, false)
	return err
}

// tree lists all below dir.
func tree(dir string) string {
	var all []string
	_ = filepath.WalkDir(dir, func(path string, _ os.DirEntry, _ error) error {
		all = append(all, path)
		return nil
	})
	return strings.Join(all, "\n")
}

// What cannot be remembered is not written to: the next process would not know
// that archive.
func TestAdmissionNeedsAMemory(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "archive")
	if err := makeArchive(path); err != nil {
		t.Fatal(err)
	}
	a := plainArchive(t, path, &memory{err: errors.New("no room")})
	_, err := a.Put(t.Context(), sinktest.Object("object-1", []byte("content")))
	wants(t, "put", err, sink.Temporary)
	if names := listing(t, path); len(names) != 1 {
		t.Errorf("the archive holds %v", names)
	}
}

// A person may say, while it runs, that it is another archive from now on.
func TestAdmissionOfANewArchive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "archive")
	m := &memory{}
	a := plainArchive(t, path, m)
	if err := errors.Join(makeArchive(path), a.Prepare(t.Context()), os.Rename(path, path+".old"), makeArchive(path)); err != nil {
		t.Fatal(err)
	}
	obj := sinktest.Object("object-1", []byte("content"))
	_, err := a.Put(t.Context(), obj)
	wants(t, "put into another archive", err, sink.Pause)
	found, err := Look(path)
	if err != nil {
		t.Fatal(err)
	}
	m.id = found.ID
	if _, err := a.Put(t.Context(), obj); err != nil {
		t.Errorf("put into the new archive: %v", err)
	}
}

// A kill while the archive is made leaves nothing that hinders the next start.
func TestCreateAfterAKill(t *testing.T) {
	t.Parallel()
	for _, left := range []string{Marker, tempName("marker")} {
		dir := t.TempDir()
		temp := filepath.Join(dir, ".archive.new")
		if err := errors.Join(os.Mkdir(temp, 0o700), os.WriteFile(filepath.Join(temp, left), []byte("{"), 0o600)); err != nil {
			t.Fatal(err)
		}
		a := plainArchive(t, filepath.Join(dir, "archive"), &memory{})
		if _, err := a.Put(t.Context(), sinktest.Object("object-1", []byte("content"))); err != nil {
			t.Errorf("after a kill that left %s: %v", left, err)
		}
		if names := listing(t, dir); len(names) != 1 || names[0] != "archive" {
			t.Errorf("there is %v, want the archive alone", names)
		}
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/srv/archive", "/srv/my archive?#%", "/a:b", "/ö"} {
		if got, ok := Path(URL(path)); !ok || got != path {
			t.Errorf("%q is %q, which is %q, %v", path, URL(path), got, ok)
		}
	}
	for _, url := range []string{"", "none", "http://node.example/", "file:archive", "file://host/archive", "file:///a?x=1", "/srv/archive", "file:///%zz"} {
		if path, ok := Path(url); ok {
			t.Errorf("%q is the path %q", url, path)
		}
		if _, err := New(Config{URL: url, Timeout: time.Second}); err == nil {
			t.Errorf("%q is taken for an archive", url)
		}
	}
}

func FuzzMarker(f *testing.F) {
	for _, s := range []string{"", "{}", "null", "[]", `{"archive":"` + otherID + `","version":1,"created":"2026-11-23T00:00:00Z"}`, `{"archive":"` + otherID + `","version":2}`, `{"archive":"x","version":1}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		id, err := parseMarker(data)
		if err != nil {
			return
		}
		var m marker
		if json.Unmarshal(data, &m) != nil || m.Archive != id || len(id) != 32 || m.Version != 1 {
			t.Errorf("%q is the marker of %q", data, id)
		}
	})
}
