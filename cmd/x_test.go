//go:build unix

package cmd_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// noSecret fails where one of the secrets stands in a file that is not theirs.
func (x *xServer) noSecret(t testing.TB, w *world) {
	t.Helper()
	_ = filepath.WalkDir(w.dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.Contains(filepath.Base(path), "config_twitter") {
			return nil
		}
		data, _ := os.ReadFile(path)
		for _, secret := range []string{xSecret, "AAAA%2FBBBB%3D", "all%2Bof"} {
			if strings.Contains(string(data), secret) {
				t.Errorf("%s holds the secret %s", path, secret)
			}
		}
		return nil
	})
}

func TestXTokenIsFetchedKeptAndFetchedAgain(t *testing.T) {
	t.Parallel()
	x := newX(t, oneRule)
	w := x.world(t, quick())
	kept := filepath.Join(w.dir, "config_twitter_api.ini.bearer")

	x.send(5)
	if code, out := w.run("grabber", "--messages", "5"); code != 0 {
		t.Fatalf("exit %d:\n%s", code, out)
	}
	info, err := os.Stat(kept)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the token's file: %v, %v, want 0600", info, err)
	}
	query := look(x, func() map[string][]string { return x.streams[0] })
	if fields := strings.Join(query["tweet.fields"], " "); !holds(fields, "note_tweet", "referenced_tweets") || len(query["expansions"]) != 1 {
		t.Errorf("asked for %v, want the fields of an archive", query)
	}

	x.send(5)
	if code, out := w.run("grabber", "--messages", "5"); code != 0 {
		t.Fatalf("again: exit %d:\n%s", code, out)
	}
	if n := look(x, func() int { return x.tokens }); n != 1 {
		t.Errorf("%d tokens were fetched by two processes, want 1", n)
	}

	x.set(func() { x.token = "CCCC%2B" })
	x.send(5)
	if code, out := w.run("grabber", "--messages", "5"); code != 0 || !holds(out, "it is forgotten", "fetched and kept") {
		t.Fatalf("with a token that is not taken any more: exit %d:\n%s", code, out)
	}
	if n := look(x, func() int { return x.tokens }); n != 2 {
		t.Errorf("%d tokens were fetched, want one more", n)
	}
	if got := len(w.inStore()); got != 15 {
		t.Errorf("%d posts are stored, want 15", got)
	}
	x.noSecret(t, w)
}

func TestXRefusals(t *testing.T) {
	t.Parallel()
	page := func(status int) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html><title>Please log in</title></html>"))
			return true
		}
	}
	for name, c := range map[string]struct {
		prepare func(x *xServer, w *world)
		code    int
		says    []string
	}{
		"wrong secret": {func(_ *xServer, w *world) {
			put(t, filepath.Join(w.dir, "config_twitter_api.ini"), "CONSUMER_KEY = "+xKey+"\nCONSUMER_SECRET = wrongsecret\n")
		}, 4, []string{"Unable to verify your credentials (code 99)", "hint: check the application's key and secret"}},
		"no key": {func(_ *xServer, w *world) {
			put(t, filepath.Join(w.dir, "config_twitter_api.ini"), "")
		}, 3, []string{"nor the application's key to fetch one", "BEARER_TOKEN", "daemon auth"}},
		"a token that is refused": {func(_ *xServer, w *world) {
			put(t, filepath.Join(w.dir, "config_twitter_api.ini"), "BEARER_TOKEN = wrong%2F\n")
		}, 4, []string{"the credentials were refused", "check the bearer token"}},
		"a login page": {func(x *xServer, _ *world) { x.set(func() { x.refuse = page(200) }) }, 1, []string{"is not the JSON of a token", "login page"}},
		"an overload":  {func(x *xServer, _ *world) { x.set(func() { x.refuse = page(503) }) }, 1, []string{"503 Service Unavailable", "Please log in", "try again"}},
		"no such path": {func(x *xServer, _ *world) { x.set(func() { x.refuse = page(404) }) }, 3, []string{"404 Not Found"}},
		"no rules":     {func(x *xServer, _ *world) { x.set(func() { x.rules = nil }) }, 3, []string{"the stream has no rules yet", "grabber rules sync FILE"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newX(t, oneRule)
			w := x.world(t, quick())
			c.prepare(x, w)
			code, out := w.run("grabber")
			if code != c.code {
				t.Errorf("exit %d, want %d", code, c.code)
			}
			has(t, "grabber", out, c.says...)
			for _, secret := range []string{xSecret, "wrongsecret", "wrong%2F"} {
				if strings.Contains(out, secret) {
					t.Errorf("the secret %s is shown:\n%s", secret, out)
				}
			}
		})
	}
}

func TestXRules(t *testing.T) {
	t.Parallel()
	x := newX(t, xRule{"1", "old", ""}, xRule{"2", "storj lang:en", "storage"}, xRule{"3", "tagged", "a"})
	w := x.world(t, nil)
	file := filepath.Join(w.dir, "rules.txt")
	put(t, file, "# ours\nstorj lang:en\tstorage\n\n{\"value\":\"(#new)\",\"tag\":\"x\"}\ntagged\tb\n")
	values := func() string {
		return look(x, func() string {
			var all []string
			for _, rule := range x.rules {
				all = append(all, rule.Value+"/"+rule.Tag)
			}
			return strings.Join(all, " ")
		})
	}
	before := values()
	code, out := w.run("grabber", "rules", "sync", file, "--dry-run")
	if code != 0 || values() != before {
		t.Errorf("dry run: exit %d, rules %s, want %s", code, values(), before)
	}
	has(t, "a dry run", out, "- old", "- tagged\ta", "+ tagged\tb", "+ (#new)\tx", "would be 2 added, would be 2 removed, 1 unchanged")

	for i, want := range []string{"2 added, 2 removed, 1 unchanged", "0 added, 0 removed, 3 unchanged"} {
		code, out := w.run("grabber", "rules", "sync", file)
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("sync %d: exit %d, %s, want %s", i, code, out, want)
		}
	}
	if got, want := values(), "storj lang:en/storage (#new)/x tagged/b"; got != want {
		t.Errorf("rules %q, want %q", got, want)
	}
	_, list := w.run("grabber", "rules", "list")
	put(t, file, list)
	if code, out := w.run("grabber", "rules", "sync", file); code != 0 || !strings.Contains(out, "0 added, 0 removed, 3 unchanged") {
		t.Errorf("sync of a list: exit %d, %s\n%s", code, out, list)
	}

	put(t, file, "fine\nbad:operator\nfine\n")
	code, out = w.run("grabber", "rules", "add", file)
	if code != 3 || !strings.Contains(out, file+":3: the same rule as in line 1") {
		t.Errorf("a rule twice: exit %d, %s", code, out)
	}
	put(t, file, "fine\nbad:operator\n")
	before = values()
	code, out = w.run("grabber", "rules", "add", file)
	if code != 3 || !strings.Contains(out, file+":2: bad:operator: Reference to invalid operator 'bad'.") || values() != before {
		t.Errorf("a bad rule: exit %d, rules %s\n%s", code, values(), out)
	}
	put(t, file, "tagged\nstorj lang:en\nunknown\n")
	code, out = w.run("grabber", "rules", "remove", file, "--json")
	var change struct {
		Added, Removed []xRule
		Unchanged      int
	}
	if i := strings.Index(out, "{"); i >= 0 {
		if err := json.Unmarshal([]byte(out[i:]), &change); err != nil {
			t.Errorf("--json: %v", err)
		}
	}
	if code != 0 || len(change.Removed) != 2 || change.Unchanged != 1 || values() != "(#new)/x" {
		t.Errorf("remove: exit %d, rules %s\n%s", code, values(), out)
	}
}

func TestXAuthAndCheck(t *testing.T) {
	t.Parallel()
	x := newX(t)
	w := x.world(t, nil)
	api := filepath.Join(w.dir, "config_twitter_api.ini")
	good, err := os.ReadFile(api)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		api  string
		args []string
		code int
		says string
	}{
		{string(good), []string{"check"}, 0, "the service takes the application key"},
		{string(good), []string{"auth"}, 0, ""},
		{string(good), []string{"auth"}, 0, "already authorised"},
		{string(good), []string{"check"}, 0, "a token was fetched with it"},
		{string(good), []string{"auth", "--force"}, 0, ""},
		{"CONSUMER_KEY = " + xKey + "\nCONSUMER_SECRET = wrongsecret\n", []string{"check"}, 1, "Unable to verify your credentials (code 99)"},
		{"CONSUMER_KEY = " + xKey + "\nCONSUMER_SECRET = wrongsecret\n", []string{"auth"}, 4, "Unable to verify your credentials (code 99)"},
		{"", []string{"check"}, 1, "missing: BEARER_TOKEN, or CONSUMER_KEY, CONSUMER_SECRET"},
		{"", []string{"auth"}, 3, "no terminal to ask at"},
		{"BEARER_TOKEN = mine\n", []string{"check"}, 0, "a bearer token is set"},
		{"BEARER_TOKEN = mine\n", []string{"auth", "--force"}, 3, "remove it, since it would override"},
	} {
		put(t, api, step.api)
		code, out := w.run("daemon", step.args...)
		if code != step.code || !strings.Contains(out, step.says) || strings.Contains(out, "wrongsecret") {
			t.Errorf("%v with %q: exit %d, want %d and %q\n%s", step.args, step.api, code, step.code, step.says, out)
		}
	}
}

// Trouble with the token's service is waited out like that of the stream.
func TestXTokenServiceComesBack(t *testing.T) {
	t.Parallel()
	x := newX(t, oneRule)
	refused := 0
	refuse := func(w http.ResponseWriter) bool {
		refused++
		switch refused {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.WriteHeader(http.StatusTooManyRequests)
		case 3:
			panic(http.ErrAbortHandler)
		}
		return refused < 4
	}
	x.set(func() { x.refuse = refuse })
	w := x.world(t, quick("grabber_retries", "5"))
	x.send(3)
	if code, out := w.run("grabber", "--messages", "3"); code != 0 || !holds(out, "503 Service Unavailable", "the service limits our rate") {
		t.Errorf("exit %d:\n%s", code, out)
	}
}
