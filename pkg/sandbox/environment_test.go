package sandbox

import (
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
	if alone := ConfigText(Source{}, nil, nil); !strings.Contains(alone, "stream_url = none\n") || !strings.Contains(alone, "upload_url = none\n") {
		t.Errorf("without servers: %s", alone)
	}
}
