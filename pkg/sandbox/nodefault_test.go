package sandbox

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestNodeFaults throws each fault of an upload.
func TestNodeFaults(t *testing.T) {
	t.Parallel()
	empty, plain := sha256.Sum256(nil), sha256.Sum256([]byte("content"))
	for _, tt := range []struct {
		fault   string
		status  int // 0: no answer
		answer  string
		header  string
		objects int
	}{
		{"lie", 201, `{"filehash":"`, "", 0},
		{"lie-short", 201, hex.EncodeToString(empty[:]), "", 0},
		{"html", 201, "<!doctype html>", "", 0},
		{"402", 402, `{"error":"balance-insufficient"}`, "", 0},
		{"balance", 402, `{"error":"balance-insufficient"}`, "", 0},
		{"upload-error", 500, `{"error":"upload-error"}`, "", 0},
		{"413", 413, "<h1>", "", 0},
		{"400", 400, "<h1>", "", 0},
		{"404", 404, "<h1>", "", 0},
		{"401", 401, "<h1>", "", 0},
		{"503=3", 503, "<h1>", "Retry-After", 0},
		{"reset-after-body", 0, "reset", "", 1},
		{"cut", 0, "", "", 0},
		{"redirect", 302, "", "Location", 0},
		{"flaky=1", 503, "", "", 0},
		{"flaky=0", 201, "", "", 1},
		{"poison=bad", 201, "", "", 1},
		{"poison=a.t", 400, "", "", 0},
		{"poison-413=a.t", 413, "", "", 0},
		{"slow=1000", 201, "", "", 1},
		{"slow-answer=30ms", 201, "", "", 1},
		{"plain-era", 201, `{"filehash":"` + hex.EncodeToString(plain[:]) + `"}`, "", 1},
	} {
		t.Run(tt.fault, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, NodeConfig{Faults: []string{tt.fault}})
			status, answer, header := put(t, n, [3]string{"file", "a.txt", "content"})
			if status != tt.status || !strings.Contains(answer, tt.answer) || tt.header != "" && header.Get(tt.header) == "" {
				t.Errorf("%d %s %v, want %d %s", status, answer, header, tt.status, tt.answer)
			}
			eventually(t, "the upload is recorded", func() bool { return len(n.Uploads()) == 1 })
			up := n.Uploads()[0]
			name, _, _ := strings.Cut(tt.fault, "=")
			fired := tt.status != 201 || tt.objects == 0
			if len(n.Objects()) != tt.objects || up.Status != tt.status || fired && (up.Fault != name || n.Fired(name) != 1) {
				t.Errorf("%d objects, upload %+v, fired %d", len(n.Objects()), up, n.Fired(name))
			}
			left, err := filepath.Glob(filepath.Join(n.cfg.Dir, ".incoming-*"))
			if err != nil || len(left) != 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestNodeNeverAnswers(t *testing.T) {
	t.Parallel()
	n := startNode(t, NodeConfig{Faults: []string{"never-answer"}})
	body, contentType := form(t, [3]string{"file", "a.txt", "content"})
	client := &http.Client{Timeout: 200 * time.Millisecond}
	if resp, err := client.Post(n.UploadURL(), contentType, bytes.NewReader(body)); err == nil {
		resp.Body.Close()
		t.Errorf("an answer: %s", resp.Status)
	}
	eventually(t, "the upload is over", func() bool { return n.InFlight() == 0 && len(n.Objects()) == 1 })
}

func TestOtherPassphrase(t *testing.T) {
	t.Parallel()
	n := startNode(t, NodeConfig{Faults: []string{"other-passphrase"}})
	status, answer, _ := put(t, n, [3]string{"file", "a.txt", "Superstar!\n"})
	var got struct{ FileHash, Key string }
	if err := json.Unmarshal([]byte(answer), &got); err != nil || status != 201 || got.FileHash == vectors[0].hash {
		t.Fatalf("%d %s, %v", status, answer, err)
	}
	if plain, err := n.Fetch(got.FileHash, got.Key); err != nil || string(plain) != "Superstar!\n" {
		t.Errorf("Fetch = %q, %v", plain, err)
	}
}

func TestSameNameTwiceAtOnceIsRefused(t *testing.T) {
	t.Parallel()
	n := startNode(t, NodeConfig{Faults: []string{"slow=4000"}})
	done := make(chan int, 2)
	for _, content := range []string{"one", "two"} {
		go func() {
			status, _, _ := put(t, n, [3]string{"file", "same.txt", strings.Repeat(content, 20_000)})
			done <- status
		}()
	}
	eventually(t, "both are under way", func() bool { return n.Collisions() == 1 })
	if err := n.SetFault(); err != nil {
		t.Fatal(err)
	}
	if a, b := <-done, <-done; a != 500 || b != 500 {
		t.Errorf("answers %d and %d, want 500 both", a, b)
	}
	if status, _, _ := put(t, n, [3]string{"file", "same.txt", "three"}); status != 201 {
		t.Errorf("afterwards: %d, want 201", status)
	}
}
