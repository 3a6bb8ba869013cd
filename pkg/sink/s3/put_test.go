package s3

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// failed returns a put's error, which must be of that kind and say that.
func failed(t *testing.T, err error, kind sink.Kind, text string) *sink.Error {
	t.Helper()
	var e *sink.Error
	if !errors.As(err, &e) || e.Kind != kind || !strings.Contains(e.Error()+e.Hint, text) {
		t.Fatalf("%v, want kind %v with %q", err, kind, text)
	}
	if strings.Contains(e.Error()+e.Hint, sinktest.GatewaySecret) {
		t.Errorf("%v: the error holds the secret", e)
	}
	return e
}

func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	n := newNode(t, sinktest.NewGateway(t), nil)
	content := sinktest.Bytes(1, 100_000)
	obj := sinktest.Object("x-000001.jsonl", content)
	obj.Key, obj.Meta = "dt=2026-11-23/hour=14/x-000001.jsonl", map[string]string{"by": "watch"}
	receipt, err := n.Put(t.Context(), obj)
	if err != nil {
		t.Fatal(err)
	}
	want := sink.Receipt{Sink: "s3", URL: n.URL(), FileHash: hex.EncodeToString(obj.SHA256[:]), Object: obj.Key}
	if receipt != want {
		t.Errorf("receipt %+v, want %+v", receipt, want)
	}
	seen := n.proxy.Seen()
	if len(seen) != 1 || seen[0].Method != http.MethodPut || seen[0].Path != "/"+n.at.bucket+"/a/dt=1/"+obj.Key || seen[0].Query != "" {
		t.Fatalf("requests %+v, want one PUT", seen)
	}
	sum := md5.Sum(content)
	for name, want := range map[string]string{
		"If-None-Match": "*", "Content-Md5": base64.StdEncoding.EncodeToString(sum[:]), "X-Amz-Content-Sha256": hex.EncodeToString(obj.SHA256[:]),
		"Content-Length": strconv.Itoa(len(content)), "Transfer-Encoding": "", "X-Amz-Trailer": "", "Idempotency-Key": "",
		"X-Amz-Meta-Sha256": hex.EncodeToString(obj.SHA256[:]), "X-Amz-Meta-Size": "100000", "X-Amz-Meta-Name": obj.Name, "X-Amz-Meta-By": "watch",
	} {
		if got := seen[0].Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if agent := seen[0].Header.Get("User-Agent"); !strings.HasSuffix(agent, " twitter-stream/test") {
		t.Errorf("User-Agent: %q", agent)
	}
}

// What is there is neither overwritten nor stored twice.
func TestTaken(t *testing.T) {
	t.Parallel()
	n := newNode(t, sinktest.NewGateway(t), nil)
	first := sinktest.Object("x", []byte("first"))
	receipt, err := n.Put(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := n.Put(t.Context(), first); err != nil || again != receipt {
		t.Errorf("put again: %+v, %v, want %+v", again, err, receipt)
	}
	for _, other := range []string{"other", "longer than first"} {
		_, err = n.Put(t.Context(), sinktest.Object("x", []byte(other)))
		failed(t, err, sink.Permanent, "a/dt=1/x holds another object")
	}
	if got, err := readAll(t, n.Bucket, sink.Ref{Key: "x"}); err != nil || string(got) != "first" {
		t.Errorf("the bucket has %q, %v, want what was there first", got, err)
	}
}

// The same object in parts, whose ETag is no MD5 of its content.
func TestTakenInParts(t *testing.T) {
	t.Parallel()
	g := sinktest.NewGateway(t)
	n := newNode(t, g, nil)
	n.partMin = 5 << 20
	content := sinktest.Bytes(1, 12<<20)
	for range 2 {
		if _, err := n.Put(t.Context(), sinktest.Object("x", content)); err != nil {
			t.Fatal(err)
		}
	}
	// Now it goes whole, and its ETag would be another. Not through the proxy: it
	// loses an answer that comes before the last byte.
	cfg := n.cfg
	cfg.URL = strings.Replace(cfg.URL, n.proxy.URL, g.URL, 1)
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	for range 10 {
		if _, err := b.Put(t.Context(), sinktest.Object("x", content)); err != nil {
			t.Fatalf("the same content, put whole: %v", err)
		}
	}
	content[0]++
	_, err = b.Put(t.Context(), sinktest.Object("x", content))
	failed(t, err, sink.Permanent, "another object")
}

// An idle connection may be closed just when the next object goes out: the
// transport sends it anew, and finds it stored.
func TestLostAnswerOnAnIdleConnection(t *testing.T) {
	t.Parallel()
	n := newNode(t, sinktest.NewGateway(t), nil)
	var err error
	for try := range 10 { // the second answer may be lost as well: it comes before the last byte, and the gateway hangs up
		if _, err := n.Put(t.Context(), sinktest.Object("warm", nil)); err != nil {
			t.Fatal(err)
		}
		n.proxy.Fail(sinktest.Fault{LoseAnswer: true})
		obj := sinktest.Object(fmt.Sprint("x", try), sinktest.Bytes(1, 300_000))
		var sum int64
		obj.Progress = func(k int) { sum += int64(k) }
		if _, err = n.Put(t.Context(), obj); n.Left() > 0 || sum > obj.Size {
			t.Fatalf("put: %v, faults left %d, progress %d of %d", err, n.Left(), sum, obj.Size)
		}
		if err == nil {
			return
		}
	}
	t.Error(err)
}

// Where ETags are no MD5s the object itself is the proof.
func TestETagsThatAreNoMD5(t *testing.T) {
	t.Parallel()
	var said atomic.Int64
	n := newNode(t, sinktest.NewGatewayOf(t, "--data-integrity-etag"), func(c *Config) { c.Notice = func(string, string) { said.Add(1) } })
	for i := range 3 {
		obj := sinktest.Object("x"+strconv.Itoa(i), sinktest.Bytes(byte(i), 100_000))
		if _, err := n.Put(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
	}
	if said.Load() != 1 {
		t.Errorf("said %d times, want once", said.Load())
	}
	gets := 0
	for _, r := range n.proxy.Seen() {
		if r.Method == http.MethodGet {
			gets++
		}
	}
	if gets != 3 {
		t.Errorf("%d objects were read back, want 3", gets)
	}
}

// Keys that are refused are looked for anew, and used when they are others.
func TestKeysAreRenewed(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	n := newNode(t, sinktest.NewGateway(t), func(c *Config) {
		c.Keys = func() (Keys, error) {
			if asked.Add(1) == 1 {
				return Keys{Access: sinktest.GatewayAccess, Secret: "old"}, nil
			}
			return Keys{Access: sinktest.GatewayAccess, Secret: sinktest.GatewaySecret}, nil
		}
	})
	if _, err := n.Put(t.Context(), sinktest.Object("x", []byte("x"))); err != nil || asked.Load() != 2 {
		t.Errorf("put: %v, keys asked for %d times, want 2", err, asked.Load())
	}
}

func TestWrongKeys(t *testing.T) {
	t.Parallel()
	g := sinktest.NewGateway(t)
	for text, keys := range map[string]Keys{
		"access key":            {Access: "nobody", Secret: "geheim"},
		"SignatureDoesNotMatch": {Access: sinktest.GatewayAccess, Secret: "geheim"},
		"one is set without":    {Access: sinktest.GatewayAccess},
	} {
		n := newNode(t, g, func(c *Config) { c.Keys, c.KeysFile = func() (Keys, error) { return keys, nil }, "/etc/keys.ini" })
		_, err := n.Put(t.Context(), sinktest.Object("x", []byte("x")))
		if e := failed(t, err, sink.Credentials, text); !strings.Contains(e.Hint, "/etc/keys.ini") || strings.Contains(e.Error(), "geheim") {
			t.Errorf("%v, hint %q", e, e.Hint)
		}
	}
}

func TestNoKeys(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	b, err := New(Config{URL: "s3://bucket?endpoint=http://127.0.0.1:1", Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_, err = b.Put(t.Context(), sinktest.Object("x", []byte("x")))
	failed(t, err, sink.Credentials, "no keys: neither in the configuration")

	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	_, err = b.Put(t.Context(), sinktest.Object("x", []byte("x")))
	failed(t, err, sink.Temporary, "refused") // the connection: there are keys now
}

// Where a machine has no role nobody answers, and that is found out soon and
// remembered.
func TestRoleThatNobodyHas(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_PROFILE", "AWS_EC2_METADATA_DISABLED"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", t.TempDir()+"/none")
	c := newChain(Config{Now: time.Now})
	asked := 0
	c.role = silent{&asked}
	for range 3 {
		if _, err := c.Retrieve(); err == nil || !strings.Contains(err.Error(), "no keys") {
			t.Errorf("Retrieve: %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
}

func TestWrongPlaces(t *testing.T) {
	t.Parallel()
	g := sinktest.NewGateway(t)
	page := sinktest.NewS3Proxy(t, g.URL) // not S3: it answers HTML to all that is put
	for range 10 {
		page.Fail(sinktest.Fault{Status: 405, Header: map[string]string{"Content-Type": "text/html"}, Body: "<title>Welcome</title>"})
	}
	for name, tt := range map[string]struct {
		change func(*Config)
		text   string
	}{
		"no such bucket": {func(c *Config) { c.URL = strings.Replace(c.URL, "s3://bucket-", "s3://nothing-", 1) }, "there is no bucket nothing-"},
		"another region": {func(c *Config) { c.URL += "&region=eu-central-1" }, "write region=us-east-1"},
		"a web page":     {func(c *Config) { c.URL = "s3://some-bucket?endpoint=" + page.URL }, "a web page, not S3"},
	} {
		n := newNode(t, g, tt.change)
		if name == "no such bucket" {
			removeBucket(t, g, n.at.bucket)
		}
		_, err := n.Put(t.Context(), sinktest.Object("x", []byte("x")))
		failed(t, err, sink.Misdirected, tt.text)
	}
}

// Memory depends on neither an object's size nor that of its parts.
func TestMemoryIsFlat(t *testing.T) { // alone: it counts what the process allocates
	g := sinktest.NewGateway(t)
	n := newNode(t, g, nil)
	cfg := n.cfg
	cfg.URL = strings.Replace(cfg.URL, n.proxy.URL, g.URL, 1)
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.partMin = 5 << 20
	for _, size := range []int{5 << 20, 64 << 20} { // whole, and in parts
		obj := sinktest.Object("x"+strconv.Itoa(size), sinktest.Bytes(1, size))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := b.Put(t.Context(), obj); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if all := after.TotalAlloc - before.TotalAlloc; all > 4<<20 {
			t.Errorf("a put of %d bytes allocated %d in all, want 4 MiB at most", size, all)
		}
	}
}

// An upload that is cut short in the middle leaves no parts.
func TestInterruptedParts(t *testing.T) {
	t.Parallel()
	n := newNode(t, sinktest.NewGateway(t), nil)
	n.partMin = 5 << 20
	ctx, cancel := context.WithCancel(t.Context())
	obj := sinktest.Object("x", sinktest.Bytes(1, 30<<20))
	var sum atomic.Int64
	obj.Progress = func(k int) {
		if sum.Add(int64(k)) > 12<<20 {
			cancel()
		}
	}
	if _, err := n.Put(ctx, obj); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v, want %v", err, context.Canceled)
	}
	if sum.Load() != 0 {
		t.Errorf("progress after a failed put: %d, want all taken back", sum.Load())
	}
	left, err := n.core.ListMultipartUploads(t.Context(), n.at.bucket, "", "", "", "", 10)
	if err != nil || len(left.Uploads) > 0 {
		t.Errorf("unfinished uploads: %+v, %v, want none", left.Uploads, err)
	}
}

// What a killed process left is removed a day later; what is younger, or another
// program's, stays.
func TestSweep(t *testing.T) {
	t.Parallel()
	now := atomic.Int64{}
	n := newNode(t, sinktest.NewGateway(t), func(c *Config) { c.Now = func() time.Time { return time.Now().Add(time.Duration(now.Load())) } })
	n.partMin = 5 << 20
	begin := func(key string, part int) {
		id, err := n.core.NewMultipartUpload(t.Context(), n.at.bucket, key, minio.PutObjectOptions{})
		if err == nil && part > 0 {
			_, err = n.core.PutObjectPart(t.Context(), n.at.bucket, key, id, 1, strings.NewReader(strings.Repeat("x", part)), int64(part), minio.PutObjectPartOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	begin("a/dt=1/empty", 0)
	begin("a/dt=1/ours", 5<<20)
	begin("a/dt=1/small parts", 0) // no key of ours
	begin("a/dt=1/others", 5<<20+1)
	begin("elsewhere", 0)
	for _, want := range []int{0, 2, 0} {
		if removed, err := n.sweep(t.Context()); err != nil || removed != want {
			t.Errorf("sweep: %d, %v, want %d removed", removed, err, want)
		}
		now.Store(int64(25 * time.Hour))
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	n := newNode(t, sinktest.NewGateway(t), nil)
	content := sinktest.Bytes(1, 100_000)
	obj := sinktest.Object("x-1.jsonl", content)
	obj.Key, obj.Meta = "dt=1/x-1.jsonl", map[string]string{"by": "push"}
	receipt, err := n.Put(t.Context(), obj)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{receipt.Object} {
		found, err := n.Stat(t.Context(), sink.Ref{Key: key})
		if err != nil || found.Key != obj.Key || found.Size != obj.Size || found.SHA256 != receipt.FileHash || found.Meta["by"] != "push" || found.Meta["name"] != obj.Name || found.Modified.IsZero() {
			t.Errorf("Stat(%q) = %+v, %v", key, found, err)
		}
		if got, err := readAll(t, n.Bucket, sink.Ref{Key: key}); err != nil || string(got) != string(content) {
			t.Errorf("Open(%q): %d bytes, %v", key, len(got), err)
		}
	}
	for _, key := range []string{"nothing", "a/dt=1/nothing", "../x", ""} {
		if _, err := n.Stat(t.Context(), sink.Ref{Key: key}); !errors.Is(err, sink.ErrNotFound) {
			t.Errorf("Stat(%q): %v, want %v", key, err, sink.ErrNotFound)
		}
		if _, err := n.Open(t.Context(), sink.Ref{Key: key}); !errors.Is(err, sink.ErrNotFound) {
			t.Errorf("Open(%q): %v, want %v", key, err, sink.ErrNotFound)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	n := newNode(t, sinktest.NewGateway(t), nil)
	const many = 1003 // more than a page
	var group sync.WaitGroup
	for i := range 17 {
		group.Go(func() {
			for ; i < many; i += 17 {
				if _, err := n.core.PutObject(t.Context(), n.at.bucket, n.at.key("p/"+strconv.Itoa(i)), strings.NewReader("x"), 1, "", "", minio.PutObjectOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	got := map[string]bool{}
	err := n.List(t.Context(), "p/", func(f sink.Found) error {
		got[f.Key] = f.Size == 1
		return nil
	})
	if err != nil || len(got) != many || !got["p/0"] || !got["p/1002"] {
		t.Errorf("List: %d objects, %v, want %d", len(got), err, many)
	}
	if err := n.List(t.Context(), "q", func(sink.Found) error { return errors.New("there is none") }); err != nil {
		t.Errorf("List of nothing: %v", err)
	}
	if err := n.List(t.Context(), "", func(sink.Found) error { return io.ErrClosedPipe }); err != io.ErrClosedPipe {
		t.Errorf("List whose caller has enough: %v", err)
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	g := sinktest.NewGateway(t)
	n := newNode(t, g, nil)
	if look, err := n.Look(t.Context()); err != nil || look != (Look{Listed: true}) {
		t.Errorf("Look = %+v, %v", look, err)
	}
	if err := n.core.EnableVersioning(t.Context(), n.at.bucket); err != nil {
		t.Fatal(err)
	}
	if look, err := n.Look(t.Context()); err != nil || look != (Look{Listed: true, Versioned: true}) {
		t.Errorf("Look at versions = %+v, %v", look, err)
	}
	for info := range n.core.ListObjectsIter(t.Context(), n.at.bucket, minio.ListObjectsOptions{Recursive: true, WithVersions: true}) {
		t.Errorf("Look left %q (%v)", info.Key, info.Err)
	}
	missing := newNode(t, g, func(c *Config) { c.URL = strings.Replace(c.URL, "s3://bucket-", "s3://missing-", 1) })
	removeBucket(t, g, missing.at.bucket)
	_, err := missing.Look(t.Context())
	failed(t, err, sink.Misdirected, "there is no bucket")
}

func TestLookAtAReadOnlyBucket(t *testing.T) {
	t.Parallel()
	g := sinktest.NewGateway(t, "--readonly")
	g.Bucket(t, "made-before")
	b, err := New(Config{URL: "s3://made-before?endpoint=" + g.URL, Timeout: 30 * time.Second, Keys: func() (Keys, error) {
		return Keys{Access: sinktest.GatewayAccess, Secret: sinktest.GatewaySecret}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	_, err = b.Look(t.Context())
	failed(t, err, sink.Credentials, "AccessDenied")
}
