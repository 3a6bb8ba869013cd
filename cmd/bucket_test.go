//go:build unix

package cmd_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// bucketed is a world whose files go to a bucket of a real S3 server.
func bucketed(t *testing.T, tw sandbox.TwitterConfig, more ...string) (w *world, g *sinktest.Gateway) {
	t.Helper()
	g = sinktest.NewGateway(t)
	g.Bucket(t, "archive")
	more = append([]string{"upload_url", "s3://archive/tweets?endpoint=" + g.URL}, more...)
	w = newWorld(t, tw, sandbox.NodeConfig{}, quick(more...))
	w.keys(sinktest.GatewaySecret)
	return w, g
}

// keys writes the storage file.
func (w *world) keys(secret string) {
	w.t.Helper()
	put(w.t, filepath.Join(w.dir, "config_storage.ini"), "S3_ACCESS_KEY = "+sinktest.GatewayAccess+"\nS3_SECRET_KEY = "+secret+"\n")
}

// inBucket returns what the server has, by the names of the objects' files, and
// complains of a name that is there twice.
func inBucket(t *testing.T, g *sinktest.Gateway) []content {
	t.Helper()
	var all []content
	seen := map[string]bool{}
	err := filepath.WalkDir(filepath.Join(g.Dir, "archive", "tweets"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "_books" { // copies of the ledger
			return fs.SkipDir
		}
		if err != nil || d.IsDir() {
			return err
		}
		if seen[d.Name()] {
			t.Errorf("%s is in the bucket twice", d.Name())
		}
		seen[d.Name()] = true
		data, err := os.ReadFile(path)
		all = append(all, content{d.Name(), data})
		return err
	})
	if err != nil {
		t.Error(err)
	}
	slices.SortFunc(all, func(a, b content) int { return strings.Compare(a.name, b.name) })
	return all
}

// TestInvariant4InABucket kills the uploader at random moments while a stream is
// captured, and then balances what was captured, the receipts and the bucket.
func TestInvariant4InABucket(t *testing.T) {
	t.Parallel()
	w, g := bucketed(t, sandbox.TwitterConfig{Rate: 1000}, "grabber_cut_size", "16", "heartbeat_timeout", "3s")
	grabber := w.start("grabber")
	for range 12 {
		w.forget("uploader")
		p := w.start("uploader")
		before := w.booked()
		eventually(t, "the uploader ships", func() bool { return w.booked() > before })
		select {
		case <-time.After(time.Duration(rand.Int64N(int64(100 * time.Millisecond)))):
		case <-p.ended:
			t.Fatal("the uploader ended by itself")
		}
		p.kill()
	}
	grabber.stop()
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	if left := w.names(func(string) bool { return true }); len(left) > 0 {
		t.Errorf("left in the store: %v", left)
	}
	stored := inBucket(t, g)
	receipts := map[string]receipt{}
	for _, r := range w.receipts() {
		if _, twice := receipts[r.Name]; twice {
			t.Errorf("two receipts of %s", r.Name)
		}
		receipts[r.Name] = r
	}
	for _, file := range stored {
		sum := sha256.Sum256(file.data)
		if r := receipts[file.name]; r.SHA256 != hex.EncodeToString(sum[:]) || r.FileHash != r.SHA256 || r.Key != "" {
			t.Errorf("%s: receipt %+v of %d bytes with hash %x", file.name, r, len(file.data), sum)
		}
	}
	if len(stored) != len(receipts) || len(stored) < 12 {
		t.Errorf("%d objects and %d receipts, want as many, and a good few", len(stored), len(receipts))
	}
	for i, line := range lines(t, stored) {
		if want := w.tw.Message(uint64(i + 1)); !bytes.Equal(line, want) {
			t.Fatalf("message %d\n got %.200s\nwant %.200s", i+1, line, want)
		}
	}
}

// TestBucketCheck: 'daemon check' and the uploader say the same of wrong keys and
// places, in words, and never a secret.
func TestBucketCheck(t *testing.T) {
	t.Parallel()
	w, g := bucketed(t, sandbox.TwitterConfig{})
	names := w.stock(1)
	_, out := w.run("daemon", "check")
	has(t, "check", out, "bucket", "s3://archive/tweets?endpoint="+g.URL+" can be written")
	if entries, err := os.ReadDir(filepath.Join(g.Dir, "archive")); err != nil || len(entries) > 0 && entries[0].Name() != ".sgwtmp" {
		t.Errorf("check left %v in the bucket (%v)", entries, err)
	}

	for _, tt := range []struct {
		secret, url string
		code        int
		say         string
	}{
		{"another-secret", "s3://archive/tweets?endpoint=" + g.URL, 4, "S3_SECRET_KEY"},
		{sinktest.GatewaySecret, "s3://nothing?endpoint=" + g.URL, 3, "there is no bucket nothing"},
		{sinktest.GatewaySecret, "s3://archive?region=eu-west-1&endpoint=" + g.URL, 3, "write region=us-east-1 into upload_url"},
		{sinktest.GatewaySecret, "s3://archive?secret_key=another-secret", 3, "keys stand elsewhere"},
		{sinktest.GatewaySecret, "s3://archive?endpoint=http://s3.example.org", 3, "allow_insecure"},
	} {
		w.keys(tt.secret)
		w.set("upload_url", tt.url)
		checkCode, checked := w.run("daemon", "check")
		code, out := w.run("uploader", "--drain")
		if code != tt.code || checkCode != 1 {
			t.Errorf("%s: exit %d and %d, want %d and 1", tt.url, code, checkCode, tt.code)
		}
		has(t, "the uploader", out, tt.say)
		has(t, "check", checked, tt.say)
		logs := w.text("logs/uploader.log")
		if strings.Contains(checked+out+logs, "another-secret") || strings.Contains(out+logs, sinktest.GatewaySecret) {
			t.Errorf("a secret was said:\n%s%s%s", checked, out, logs)
		}
		if left := w.finished(); len(left) != len(names) {
			t.Errorf("%s: left in the store: %v, want all", tt.url, left)
		}
	}

	w.keys(sinktest.GatewaySecret)
	w.set("upload_url", "s3://archive/"+strings.Repeat("long/", 120)+"?endpoint="+g.URL)
	w.set("upload_key", strings.Repeat("long/", 90)+"{name}")
	_, checked := w.run("daemon", "check")
	has(t, "check of keys that are too long", checked, "FAIL  bucket", "1024", "upload_key")
	if code, out := w.run("uploader", "--drain"); code != 3 || !strings.Contains(out, "1024") {
		t.Errorf("keys that are too long: exit %d, want 3\n%s", code, out)
	}
}
