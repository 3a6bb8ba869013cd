//go:build unix

package cmd_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/examples"
)

// eventServer streams a made-up event a request for ever, as Wikimedia and
// Mastodon do, and tells where it streams. It notes the last request.
func eventServer(t *testing.T) (server *httptest.Server, last func() http.Header) {
	t.Helper()
	heads := make(chan http.Header, 100)
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v2/instance" {
			fmt.Fprintf(w, `{"configuration":{"urls":{"streaming":"ws://%s"}}}`, r.Host)
			return
		}
		select {
		case heads <- r.Header:
		default:
		}
		if strings.HasPrefix(r.URL.Path, "/api/v1/streaming") && r.Header.Get("Authorization") != "Bearer sesame" {
			http.Error(w, `{"error":"Invalid access token"}`, http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, ":ok\n\nevent: update\ndata: {\"id\":\"1\",\"meta\":{\"id\":\"a\"}}\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return server, func() http.Header { return <-heads }
}

// TestInitWritesAndTries: what init writes runs, and is never written over.
func TestInitWritesAndTries(t *testing.T) {
	t.Parallel()
	server, last := eventServer(t)
	config := filepath.Join(t.TempDir(), "config.ini")
	args := []string{
		"init", "wikimedia", "-c", config, "--set", "stream_url=" + server.URL + "/v2/stream/recentchange",
		"--set", "stream_contact=me@example.org", "--set", "upload_url=none",
	}
	p := start(t, "daemon", args...)
	if code := p.wait(); code != 0 || !strings.Contains(p.out.String(), "it works") {
		t.Fatalf("exit %d:\n%s", code, p.out)
	}
	if agent := last().Get("User-Agent"); !strings.Contains(agent, "(me@example.org)") {
		t.Errorf("User-Agent %q lacks the contact", agent)
	}
	if info, err := os.Stat(config); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("config.ini: %v, %v, want 0600", info.Mode(), err)
	}
	before, _ := os.ReadFile(config)
	p = start(t, "daemon", args...)
	if code := p.wait(); code != 3 || !strings.Contains(p.out.String(), "there is a configuration already") {
		t.Errorf("the second time: exit %d:\n%s", code, p.out)
	}
	if after, _ := os.ReadFile(config); string(after) != string(before) {
		t.Error("the configuration that was there has changed")
	}
}

// TestInitTellsWhatFails: a stream that refuses us is no success.
func TestInitTellsWhatFails(t *testing.T) {
	t.Parallel()
	server, _ := eventServer(t)
	dir := t.TempDir()
	for _, tt := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"no such network", []string{"myspace"}, 2, "none of bluesky, mastodon, wikimedia, x"},
		{"a secret among the arguments", []string{"mastodon", "--set", "stream_token=x"}, 2, "TWITTER_STREAM_STREAM_TOKEN"},
		{"a bad value", []string{"bluesky", "--set", "upload_retries=x"}, 2, "whole number"},
		{"an unknown key", []string{"bluesky", "--set", "colour=red"}, 2, "no key colour"},
		{"nobody to ask", []string{"mastodon"}, 3, "run on a terminal"},
		{"refused", []string{"wikimedia", "--set", "stream_contact=me@example.org", "--set", "upload_url=none",
			"--set", "stream_url=" + server.URL + "/api/v1/streaming/public", "--set", "grabber_retries=0"}, 3, "401"},
	} {
		p := start(t, "daemon", append([]string{"init", "-c", filepath.Join(dir, strings.ReplaceAll(tt.name, " ", "-")+".ini")}, tt.args...)...)
		if code := p.wait(); code != tt.code || !strings.Contains(p.out.String(), tt.says) {
			t.Errorf("%s: exit %d, want %d and %q:\n%s", tt.name, code, tt.code, tt.says, p.out)
		}
	}
}

// TestExamplesLoad: each example is a good configuration as it stands.
func TestExamplesLoad(t *testing.T) {
	t.Parallel()
	for _, name := range examples.Names() {
		dir := t.TempDir()
		ini, _ := examples.Config(name)
		put(t, filepath.Join(dir, "config.ini"), string(ini))
		p := start(t, "uploader", "-c", filepath.Join(dir, "config.ini"), "--drain")
		p.wait()
		for _, wrong := range []string{"unknown key", "config.ini:", "warn"} {
			if strings.Contains(p.out.String(), wrong) {
				t.Errorf("%s.ini:\n%s", name, p.out)
			}
		}
	}
}

// TestEveryInstanceIsTried: of several URLs the last one is reached, however
// few tries are allowed.
func TestEveryInstanceIsTried(t *testing.T) {
	t.Parallel()
	server, _ := eventServer(t)
	dead := "http://127.0.0.1:1/events"
	config := filepath.Join(t.TempDir(), "config.ini")
	put(t, config, "[DEFAULT]\nupload_url = none\nstream_kind = sse\ngrabber_retries = 0\ngrabber_backoff_network = 10ms-10ms\n"+
		"stream_url = "+strings.Join([]string{dead, dead, dead, server.URL + "/events"}, " ")+"\n")
	p := start(t, "grabber", "-c", config, "--stdout", "--messages", "1")
	if code := p.wait(); code != 0 || !strings.Contains(p.out.String(), `{"id":"1"`) {
		t.Errorf("exit %d:\n%s", code, p.out)
	}
}
