package sandbox

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCleanEnviron(t *testing.T) {
	t.Parallel()
	in := []string{"PATH=/bin", "TWITTER_STREAM_UPLOAD_URL=x", "twitter_stream_warn=1", "HTTP_PROXY=x", "https_proxy=x", "NO_PROXY=x", "HOME=/root", "all_proxy="}
	if got := CleanEnviron(in); !slices.Equal(got, []string{"PATH=/bin", "HOME=/root"}) || len(in) != 8 || in[1] != "TWITTER_STREAM_UPLOAD_URL=x" {
		t.Errorf("CleanEnviron = %q, its input now %q", got, in)
	}
}

func TestWriteConfig(t *testing.T) {
	t.Parallel()
	tw, node := startTwitter(t, TwitterConfig{}), startNode(t, NodeConfig{Token: "tok"})
	dir := filepath.Join(t.TempDir(), "a directory")
	path, err := WriteConfig(dir, tw, node, map[string]string{"grabber_cut_size": "64"})
	if err != nil {
		t.Fatal(err)
	}
	for file, wants := range map[string][]string{
		path: {"[DEFAULT]\n", "stream_url = " + tw.StreamURL() + "\n", "upload_url = " + node.UploadURL() + "\n", "upload_token = tok\n",
			"stream_auth = oauth1\n", "grabber_cut_size = 64\n"},
		filepath.Join(dir, "config_twitter_api.ini"):   {"consumer_key = sandbox-app-key\n"},
		filepath.Join(dir, "config_twitter_oauth.ini"): {"oauth_token = 1-sandbox-token\n"},
	} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(b), want) {
				t.Errorf("%s lacks %q:\n%s", file, want, b)
			}
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	if alone := configText(nil, nil, nil); !strings.Contains(alone, "stream_url = none\n") || !strings.Contains(alone, "upload_url = none\n") {
		t.Errorf("without servers: %s", alone)
	}
}

func TestServe(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := Serve(ctx, ServeConfig{Dir: dir, Faults: []string{"503", "node:503=2", "lie"}, Rate: 10}, w)
		w.Close()
		done <- err
	}()
	buf := make([]byte, 64<<10)
	n, err := r.Read(buf)
	if said := string(buf[:n]); err != nil || !strings.Contains(said, "daemon -c '"+filepath.Join(dir, "config.ini")+"'") || !strings.Contains(said, "half-message") {
		t.Errorf("said %q, %v", said, err)
	}
	cancel()
	if rest, err := io.ReadAll(r); err != nil || !strings.Contains(string(rest), "sent 0 messages") {
		t.Errorf("at the end %q, %v", rest, err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestSplitFaults(t *testing.T) {
	t.Parallel()
	tw, node, err := splitFaults([]string{"503", "node:503*2", "lie", "twitter:html", "html", "node:html"})
	if err != nil || !slices.Equal(tw, []string{"503", "html", "html"}) || !slices.Equal(node, []string{"503*2", "lie", "html"}) {
		t.Errorf("%v, %v, %v", tw, node, err)
	}
	for _, bad := range []string{"nonsense", "node:half-message", "twitter:lie"} {
		if _, _, err := splitFaults([]string{bad}); err == nil {
			t.Errorf("splitFaults(%q) was accepted", bad)
		}
	}
}
