//go:build unix

package cmd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// has fails unless text holds all of the parts.
func has(t testing.TB, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s does not say %q:\n%s", what, part, text)
		}
	}
}

// holds reports whether text holds all of the parts.
func holds(text string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}

// quick are waits for tests: those of the defaults are a service's own.
func quick(more ...string) map[string]string {
	keys := map[string]string{
		"grabber_backoff_network": "10ms-100ms", "grabber_backoff_http": "10ms-100ms",
		"grabber_backoff_rate_limit": "200ms-400ms", "grabber_retries": "0",
		"upload_retries": "2", "upload_backoff": "10ms-100ms",
	}
	for i := 0; i+1 < len(more); i += 2 {
		keys[more[i]] = more[i+1]
	}
	return keys
}

// set changes or adds a key in config.ini, as an editor would.
func (w *world) set(key, value string) {
	w.t.Helper()
	data, err := os.ReadFile(w.config)
	if err != nil {
		w.t.Fatal(err)
	}
	rows := slices.DeleteFunc(strings.Split(strings.TrimRight(string(data), "\n"), "\n"), func(row string) bool {
		return strings.HasPrefix(row, key+" =")
	})
	put(w.t, w.config, strings.Join(append(rows, key+" = "+value), "\n")+"\n")
}

// put makes a file appear at once, as a store wants it, and the directories
// above it.
func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(filepath.Dir(path), ".part-"+strconv.Itoa(len(text)))
	if err := os.WriteFile(part, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(part, path); err != nil {
		t.Fatal(err)
	}
}

// text reads a file of the world; one that is not there is empty.
func (w *world) text(name string) string {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	return string(data)
}

// stock makes a store with finished files of the grammar, oldest first, and
// returns their names. Each has its own content.
func (w *world) stock(n int) []string {
	w.t.Helper()
	names := make([]string, n)
	begin := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	w.makeStore()
	for i := range names {
		at := begin.Add(time.Duration(i) * time.Second)
		names[i] = prefix + at.Format("20060102T150405.000000Z") + "-000000.jsonl"
		put(w.t, filepath.Join(w.store, names[i]), `{"name":"`+names[i]+`"}`+"\n")
	}
	return names
}

// prefix is the default of tweet_file_prefix.
const prefix = "Sodefaksd231-"

// makeStore makes an empty store as the programs themselves would.
func (w *world) makeStore() {
	w.t.Helper()
	if _, err := os.Stat(filepath.Join(w.store, ".state", "version")); err == nil {
		return
	}
	for _, dir := range []string{".state", "ledger", "rejected"} {
		if err := os.MkdirAll(filepath.Join(w.store, dir), 0o700); err != nil {
			w.t.Fatal(err)
		}
	}
	put(w.t, filepath.Join(w.store, ".state", "version"), "1\n")
}

// state is what the tests read of a status file.
type state struct {
	PID       int    `json:"pid"`
	State     string `json:"state"`
	Detail    string `json:"detail"`
	Beat      int    `json:"beat"`
	Messages  int    `json:"messages"`
	Uploaded  int    `json:"uploaded"`
	Waiting   int    `json:"waiting"`
	Rejected  int    `json:"rejected"`
	LastError string `json:"last_error"`
	Children  []struct {
		Name     string `json:"name"`
		PID      int    `json:"pid"`
		State    string `json:"state"`
		Restarts int    `json:"restarts"`
		LastExit string `json:"last_exit"`
	} `json:"children"`
}

// status returns what a program says of itself, nothing if it never did.
func (w *world) status(name string) (s state) {
	w.t.Helper()
	readStatus(w.t, w.store, name, &s)
	return s
}

// child is the daemon's row of a child.
func (w *world) child(name string) (pid, restarts int, in, lastExit string) {
	w.t.Helper()
	for _, c := range w.status("daemon").Children {
		if c.Name == name {
			return c.PID, c.Restarts, c.State, c.LastExit
		}
	}
	return 0, 0, "", ""
}

// alive reports whether a process lives that is no zombie.
func alive(pid int) bool {
	if pid <= 0 || syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return true // no /proc here
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// reasons returns rejected/*.reason.json by file name.
func (w *world) reasons() map[string]string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.store, "rejected", "*.reason.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	reasons := map[string]string{}
	for _, path := range found {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // put back just now
		}
		if !json.Valid(data) {
			w.t.Errorf("%s is no JSON: %s", path, data)
		}
		reasons[strings.TrimSuffix(filepath.Base(path), ".reason.json")] = string(data)
	}
	return reasons
}

// onNode fails unless the node has exactly these files, each once, with
// receipts to read them back by.
func (w *world) onNode(want map[string]string) {
	w.t.Helper()
	got := map[string]string{}
	for _, r := range w.receipts() {
		if _, twice := got[r.Name]; twice {
			w.t.Errorf("two receipts for %q", r.Name)
		}
		data, err := w.node.Fetch(r.FileHash, r.Key)
		if err != nil {
			w.t.Errorf("fetch %q back: %v", r.Name, err)
		}
		got[r.Name] = string(data)
	}
	for name, content := range want {
		if got[name] != content {
			w.t.Errorf("%q came back as %.80q, want %.80q", name, got[name], content)
		}
		delete(got, name)
	}
	for name := range got {
		w.t.Errorf("%q is on the node, which nobody asked for", name)
	}
}

// filesBelow calls visit with every regular file below the world's directory.
func (w *world) filesBelow(visit func(path string, data []byte)) {
	w.t.Helper()
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil {
			visit(path, data)
		}
		return nil
	})
	if err != nil {
		w.t.Error(err)
	}
}

// keepsSecrets fails if a secret stands anywhere but where it is kept.
func (w *world) keepsSecrets(outputs ...string) {
	w.t.Helper()
	c := w.tw.Credentials()
	secrets := []string{c.ConsumerKey, c.ConsumerSecret, c.OAuthToken, c.OAuthTokenSecret, uploadToken}
	for _, r := range w.receipts() {
		if r.Key != "" {
			secrets = append(secrets, r.Key)
		}
	}
	leaks := func(where string, data []byte) {
		for _, secret := range secrets {
			if bytes.Contains(data, []byte(secret)) {
				w.t.Errorf("%s holds the secret %.12s…", where, secret)
			}
		}
	}
	w.filesBelow(func(path string, data []byte) {
		rel, _ := filepath.Rel(w.dir, path)
		switch {
		case strings.HasPrefix(rel, "config"), strings.HasPrefix(rel, "store/ledger/"):
		default:
			leaks(rel, data)
		}
	})
	for _, output := range outputs {
		leaks("what was printed", []byte(output))
	}
}

// uploadToken is the one of worlds that have one.
const uploadToken = "sesame-upload-token"
