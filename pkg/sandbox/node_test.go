package sandbox

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func startNode(t *testing.T, cfg NodeConfig) *Node {
	t.Helper()
	n, err := StartNode(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return n
}

// form is a multipart body of these parts: name, file name ("" for a field), content.
func form(t *testing.T, parts ...[3]string) (body []byte, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		if p[1] == "" {
			if err := w.WriteField(p[0], p[2]); err != nil {
				t.Fatal(err)
			}
			continue
		}
		part, err := w.CreateFormFile(p[0], p[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, p[2]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), w.FormDataContentType()
}

// put uploads and returns status and body; status 0 is an error.
func put(t *testing.T, n *Node, parts ...[3]string) (status int, answer string, header http.Header) {
	t.Helper()
	body, contentType := form(t, parts...)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "POST", n.UploadURL(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer resp.Body.Close()
	return resp.StatusCode, text(t, resp), resp.Header
}

func fetchHTTP(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, text(t, resp)
}

// vectors were computed by OpenSSL.
var vectors = []struct{ name, plain, key, cipher, hash string }{
	{"superstar", "Superstar!\n", "0372c3a52ffa439556db30e6a2a6cd7bae4fb498bd58996919a61bdac831fe3f", "e5d264b13e3ad6eac183f2",
		"c508708d7a8a0db90e92f15510ee3ef488bd67a8e6982489e0d27bd0bcaf7741"},
	{"hello", "hello world", "3130cb723698a4ed3b0e078f511b05ae5c6153b16f6c33a323bfa868026399d9", "ea3370c54fe34cd6cb69ee",
		"7037d181b77e02dc377f9f0fabcac594f7339d37c16a946c322372434f40fe18"},
	{"bytes", strings.Repeat(allBytes(), 80), "79293edcbe2a1a58c026bf7d7022f74c05d482f596e1445907f9c6a045e44909", "",
		"5e20625309eb16f9315b291de02004bab42aef32df1d59f899f377ffb6b3b392"},
}

func allBytes() string {
	b := make([]byte, 256)
	for i := range b {
		b[i] = byte(i)
	}
	return string(b)
}

func TestUploadVectors(t *testing.T) {
	t.Parallel()
	n := startNode(t, NodeConfig{FindDelay: time.Nanosecond})
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			for try := range 2 { // a repeat gets the same answer
				status, answer, _ := put(t, n, [3]string{"token", "", "x"}, [3]string{"file", fmt.Sprintf("%s-%d.txt", v.name, try), v.plain})
				if want := fmt.Sprintf(`{"filehash":"%s","key":"%s"}`, v.hash, v.key); status != 201 || answer != want {
					t.Fatalf("%d %s, want %s", status, answer, want)
				}
			}
			if _, got := fetchHTTP(t, n.URL()+"/api/download/"+v.hash); v.cipher != "" && hex.EncodeToString([]byte(got)) != v.cipher {
				t.Errorf("ciphertext %x, want %s", got, v.cipher)
			}
			if _, got := fetchHTTP(t, n.URL()+"/api/download/"+v.hash+"?key="+v.key); got != v.plain {
				t.Errorf("decrypted %q", got)
			}
			if got, err := n.Fetch(v.hash, v.key); err != nil || string(got) != v.plain {
				t.Errorf("Fetch = %q, %v", got, err)
			}
			if status, got := fetchHTTP(t, n.URL()+"/api/find/"+v.hash); status != 200 || !strings.Contains(got, v.hash[:7]+"_"+v.name+"-0.txt") {
				t.Errorf("find: %d %s", status, got)
			}
		})
	}
}

func TestObjectsKeepTheFirstName(t *testing.T) {
	t.Parallel()
	n := startNode(t, NodeConfig{})
	for _, name := range []string{"a.txt", "b.txt"} {
		if status, answer, _ := put(t, n, [3]string{"file", name, "same"}); status != 201 {
			t.Fatal(status, answer)
		}
	}
	objects, sum := n.Objects(), sha256.Sum256([]byte("same"))
	if len(objects) != 1 || objects[0].Name != "a.txt" || objects[0].Times != 2 || objects[0].Size != 4 || objects[0].SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("objects %+v", objects)
	}
	if ups := n.Uploads(); len(ups) != 2 || ups[1].Name != "b.txt" || ups[1].Status != 201 || ups[1].FileHash != objects[0].FileHash {
		t.Errorf("uploads %+v", ups)
	}
	if status, _ := fetchHTTP(t, n.URL()+"/api/find/"+objects[0].FileHash); status != 404 {
		t.Errorf("find right after the upload: %d, want 404 until the sync", status)
	}
	if status, answer := fetchHTTP(t, n.URL()+"/api/download/00"); status != 404 || answer != `{"error":"file-not-found"}` {
		t.Errorf("download of nothing: %d %s", status, answer)
	}
	var st map[string]any
	if status, answer := fetchHTTP(t, n.URL()+"/api/status"); status != 200 || json.Unmarshal([]byte(answer), &st) != nil || st["storage"] == nil {
		t.Errorf("status: %d %s", status, answer)
	}
}

func TestNodeRefusals(t *testing.T) {
	t.Parallel()
	file := [3]string{"file", "a.txt", "content"}
	for _, tt := range []struct {
		name  string
		cfg   NodeConfig
		parts [][3]string
		want  int
	}{
		{"no file part", NodeConfig{}, [][3]string{{"token", "", "x"}}, 400},
		{"file as a field", NodeConfig{}, [][3]string{{"file", "", "content"}}, 500}, // no file name: nothing to save it under
		{"name of nothing", NodeConfig{}, [][3]string{{"file", "...", "content"}}, 500},
		{"too long", NodeConfig{MaxContent: 100}, [][3]string{{"file", "a.txt", strings.Repeat("x", 100)}}, 413},
		{"token missing", NodeConfig{Token: "t"}, [][3]string{file}, 500},
		{"token wrong", NodeConfig{Token: "t"}, [][3]string{file, {"token", "", "u"}}, 402},
		{"token right", NodeConfig{Token: "t"}, [][3]string{file, {"token", "", "t"}}, 201},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := startNode(t, tt.cfg)
			status, answer, _ := put(t, n, tt.parts...)
			if status != tt.want || len(n.Objects()) != map[bool]int{true: 1}[tt.want == 201] {
				t.Errorf("%d %s, %d objects; want %d", status, answer, len(n.Objects()), tt.want)
			}
		})
	}
}

func TestNodeRefusesChunks(t *testing.T) {
	t.Parallel()
	n := startNode(t, NodeConfig{})
	body, contentType := form(t, [3]string{"file", "a.txt", "content"})
	resp, err := http.Post(n.UploadURL(), contentType, struct{ io.Reader }{bytes.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 411 || len(n.Objects()) != 0 {
		t.Errorf("%s", resp.Status)
	}
}

func TestSafeName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"My cool movie.mov", "My_cool_movie.mov"},
		{"../../../etc/passwd", "etc_passwd"},
		{"i contain cool \u00fcml\u00e4uts.txt", "i_contain_cool_mluts.txt"},
		{"...", ""}, {"a\nb", "a_b"},
	} {
		if got := safeName(tt.in); got != tt.want {
			t.Errorf("safeName(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestCloseRemovesOnlyItsOwnDirectory(t *testing.T) {
	t.Parallel()
	own := startNode(t, NodeConfig{})
	given := startNode(t, NodeConfig{Dir: t.TempDir()})
	for _, n := range []*Node{own, given} {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if err := n.Close(); err != nil {
			t.Error("second Close:", err)
		}
	}
	if _, err := os.Stat(own.cfg.Dir); !os.IsNotExist(err) {
		t.Errorf("own directory: %v", err)
	}
	if _, err := os.Stat(given.cfg.Dir); err != nil {
		t.Errorf("given directory: %v", err)
	}
}
