package s3

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// bucketAt is a bucket of a server that does as h says.
func bucketAt(t *testing.T, h http.HandlerFunc) *Bucket {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h(w, r)
	}))
	t.Cleanup(server.Close)
	b, err := New(Config{
		URL: "s3://bucket/p?endpoint=" + server.URL, Timeout: 30 * time.Second, Agent: "twitter-stream/test",
		Keys: func() (Keys, error) {
			return Keys{Access: "a", Secret: sinktest.GatewaySecret, Session: "session-" + sinktest.GatewaySecret}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// has says that an object of that size is there, whose ETag is no MD5.
func has(w http.ResponseWriter, size int) {
	w.Header().Set("ETag", `"kms"`)
	w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
	w.Header().Set("Content-Length", fmt.Sprint(size))
}

// What answers need not mean well, nor be a bucket at all.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	const size = 1000
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		kind   sink.Kind
		text   string
	}{
		"a network's login page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>log in</html>")
		}, sink.Temporary, "a web page, not S3"},
		"the session's token in the answer": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, "<Error><Code>InvalidToken</Code><Message>bad token %s</Message></Error>", r.Header.Get("X-Amz-Security-Token"))
		}, sink.Credentials, "bad token (secret)"},
		"an object without an end": {func(w http.ResponseWriter, r *http.Request) {
			switch r.Method {
			case http.MethodPut:
				w.WriteHeader(http.StatusPreconditionFailed)
			case http.MethodHead:
				has(w, size)
			default:
				has(w, 1<<30)
				for err := error(nil); err == nil; {
					_, err = w.Write(make([]byte, 10_000))
				}
			}
		}, sink.Permanent, "holds another object"},
		"a HEAD's 400, which says that a session expired": {func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(map[string]int{http.MethodPut: http.StatusPreconditionFailed, http.MethodHead: http.StatusBadRequest}[r.Method])
		}, sink.Credentials, "may have expired"},
		"a lie about the size": {func(w http.ResponseWriter, _ *http.Request) { has(w, 5) }, sink.Temporary, "not proven"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := bucketAt(t, tt.answer).Put(t.Context(), sinktest.Object("x", sinktest.Bytes(1, size)))
			failed(t, err, tt.kind, tt.text)
		})
	}
}

// That the key is taken may also stand in the body of a success.
func TestTakenByTheTimeOfTheLastPart(t *testing.T) {
	t.Parallel()
	content := sinktest.Bytes(1, 1000)
	b := bucketAt(t, func(w http.ResponseWriter, r *http.Request) {
		switch query := r.URL.Query(); {
		case r.Method == http.MethodPost && query.Has("uploads"):
			fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
		case r.Method == http.MethodPost:
			fmt.Fprint(w, "<Error><Code>PreconditionFailed</Code><Message>taken</Message></Error>")
		case r.Method == http.MethodPut:
			w.Header().Set("ETag", `"part"`)
		case r.Method == http.MethodDelete:
			w.WriteHeader(http.StatusNoContent)
		default:
			has(w, len(content))
			_, _ = w.Write(content) // a HEAD drops it
		}
	})
	b.partMin = 500
	if _, err := b.Put(t.Context(), sinktest.Object("x", content)); err != nil {
		t.Errorf("the same object is there: %v", err)
	}
	_, err := b.Put(t.Context(), sinktest.Object("x", sinktest.Bytes(2, len(content))))
	failed(t, err, sink.Permanent, "holds another object")
}

// A session expires while an archive is verified or fetched, too.
func TestKeysAreRenewedWhenReading(t *testing.T) {
	t.Parallel()
	g, secret := sinktest.NewGateway(t), atomic.Pointer[string]{}
	good, old := sinktest.GatewaySecret, "old"
	secret.Store(&good)
	n := newNode(t, g, func(c *Config) {
		c.Keys = func() (Keys, error) { return Keys{Access: sinktest.GatewayAccess, Secret: *secret.Load()}, nil }
	})
	if _, err := n.Put(t.Context(), sinktest.Object("x", []byte("x"))); err != nil {
		t.Fatal(err)
	}
	expire := func() {
		secret.Store(&old)
		n.creds.Expire()
		_, _ = n.Stat(t.Context(), sink.Ref{Key: "x"}) // takes the old ones
		secret.Store(&good)
	}
	expire()
	if found, err := n.Stat(t.Context(), sink.Ref{Key: "x"}); err != nil || found.Size != 1 {
		t.Errorf("stat: %+v, %v", found, err)
	}
	expire()
	if content, err := readAll(t, n.Bucket, sink.Ref{Key: "x"}); err != nil || string(content) != "x" {
		t.Errorf("read %q, %v", content, err)
	}
}
