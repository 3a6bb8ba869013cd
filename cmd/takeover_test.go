//go:build unix

package cmd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// original makes w's directory one that the Python original has worked in: its
// spelling of config.ini, its token files, and the store that it was killed
// in. It returns the objects that were in each file.
func (w *world) original() (objects []string, finished map[string]string) {
	w.t.Helper()
	c := w.tw.Credentials()
	put(w.t, w.config, strings.ReplaceAll(fmt.Sprintf(`[DEFAULT]
grabber_cut_size: 1024
Grabber_Storage_Directory: store
grabber_temp_file: grabber.dat
grabber_retries: 2
stream_url: %[1]s
request_token_url: %[2]s/oauth/request_token
authorize_url: %[2]s/oauth/authorize?oauth_token=
access_token_url: %[2]s/oauth/access_token
upload_url: %[3]s
upload_retries: 5
config_twitter_api_filename: config_twitter_api.ini
config_twitter_oauth_filename: config_twitter_oauth.ini
tweet_file_prefix: Sodefaksd231-
log_directory: logs
warn: 0
`, w.tw.StreamURL(), w.tw.URL(), w.node.UploadURL()), "\n", "\r\n"))
	put(w.t, filepath.Join(w.dir, "config_twitter_api.ini"),
		"[DEFAULT]\nconsumer_key = \""+c.ConsumerKey+"\"\nconsumer_secret = \""+c.ConsumerSecret+"\"\n\n")
	put(w.t, filepath.Join(w.dir, "config_twitter_oauth.ini"),
		"[DEFAULT]\noauth_token = "+c.OAuthToken+"\noauth_token_secret = "+c.OAuthTokenSecret+"\n\n")
	object := func(n int) string {
		o := fmt.Sprintf(`{"created_at":"Mon Jun 02 17:20:%02d +0000 2014","id":%d,"text":"an \u00e4 {brace} and a \"quote\\","n":{"a":[1,{}]}}`, n%60, n)
		objects = append(objects, o)
		return o
	}
	finished = map[string]string{}
	for i := range 3 {
		var glued strings.Builder
		for j := range 20 {
			glued.WriteString(object(100*i + j))
		}
		finished[fmt.Sprintf("Sodefaksd231-14017296%02d.%d-%d.txt", 10+i, 25+i, 4-i)] = glued.String()
	}
	for name, content := range finished {
		put(w.t, filepath.Join(w.store, name), content)
	}
	var glued strings.Builder
	for j := range 50 {
		glued.WriteString(object(1000 + j))
	}
	put(w.t, filepath.Join(w.store, "grabber.dat"), glued.String()+tornTail)
	return objects, finished
}

const tornTail = `{"created_at":"Mon Jun 02 17:21:07 +0000 2014","id":9999,"text":"cut of`

func TestTakeOverOfAnOriginal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{Rate: 200}, sandbox.NodeConfig{}, nil)
	objects, finished := w.original()
	put(t, filepath.Join(w.store, "notes.txt"), "a person's own")
	d := w.daemon()
	eventually(t, "the leftovers are shipped", func() bool { return w.booked() >= len(finished)+1 })
	d.stop()
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	got := map[string]int{}
	for _, file := range w.captured() {
		if want, ok := finished[file.name]; ok {
			if string(file.data) != want {
				t.Errorf("%s was not shipped as it was: %.200s", file.name, file.data)
			}
		} else if len(bytes.TrimSpace(file.data)) > 0 {
			lines(t, []content{file})
		}
		for decoder := json.NewDecoder(bytes.NewReader(file.data)); decoder.More(); {
			var object json.RawMessage
			if err := decoder.Decode(&object); err != nil {
				t.Errorf("%s: %v", file.name, err)
				break
			}
			got[string(object)]++
		}
	}
	for _, object := range objects {
		if got[object] != 1 {
			t.Errorf("%d times there instead of once: %s", got[object], object)
		}
	}
	if got := w.text("store/notes.txt"); got != "a person's own" {
		t.Errorf("a file that is not ours holds %q now", got)
	}
	w.damaged(tornTail)
	if left := w.finished(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	w.keepsSecrets(d.out.String())
}

// damaged fails unless the one set-aside file is a dead grabber's tail.
func (w *world) damaged(tail string) {
	w.t.Helper()
	reasons := w.reasons()
	if len(reasons) != 1 {
		w.t.Errorf("set aside: %v, want the torn tail alone", reasons)
	}
	for name, reason := range reasons {
		got := w.text("store/rejected/" + name)
		if !strings.HasSuffix(name, ".damaged") || strings.TrimSuffix(got, "\n") != tail {
			w.t.Errorf("%s holds %q, want %q", name, got, tail)
		}
		has(w.t, "its reason", reason, `"lines": 1`)
	}
	has(w.t, "the grabber's log", w.text("logs/grabber.log"), "damaged")
}

// TestTakeOverWarnsOfLooseSecrets: the original's umask was everybody's.
func TestTakeOverWarnsOfLooseSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, nil)
	w.original()
	path := filepath.Join(w.dir, "config_twitter_oauth.ini")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	code, out := w.run("grabber", "--messages", "5")
	if code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	has(t, "it", out, "chmod", path)
}

// TestTornTailOfOurOwn: what a power cut left in the working file.
func TestTornTailOfOurOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sandbox.TwitterConfig{}, sandbox.NodeConfig{}, nil)
	w.makeStore()
	whole := "{\"a\":1}\n{\"a\":2}\n"
	torn := "{\"a\":3,\"text\":\"" + strings.Repeat("x", 100) + strings.Repeat("\x00", 512)
	put(t, filepath.Join(w.store, "grabber.dat"), whole+torn)
	if code, out := w.run("grabber", "--messages", "5"); code != 0 {
		t.Errorf("exit %d, want 0:\n%s", code, out)
	}
	w.damaged(torn)
	files := w.captured()
	if len(files) != 2 || string(files[0].data) != whole {
		t.Errorf("%d files, the first holds %q; want the whole lines, then the capture", len(files), files[0].data)
	}
	lines(t, files)
}
