package s3

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// A web page is no bucket, though nothing is wrong with it: neither one that can
// be written nor one that is empty.
func TestAPageIsNoBucket(t *testing.T) {
	t.Parallel()
	b := bucketAt(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<html><body>Welcome</body></html>")
	})
	_, err := b.Look(t.Context())
	failed(t, err, sink.Misdirected, "a web page, not S3")
	failed(t, b.List(t.Context(), "", func(sink.Found) error { return nil }), sink.Misdirected, "a web page, not S3")
}

// Whatever answers everything with a success is no bucket, either.
func TestNeitherPageNorBucket(t *testing.T) {
	t.Parallel()
	b := bucketAt(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		fmt.Fprint(w, "hello")
	})
	_, err := b.Put(t.Context(), sinktest.Object("x", []byte("x")))
	failed(t, err, sink.Temporary, "not as S3 answers")
	_, err = b.Look(t.Context())
	failed(t, err, sink.Temporary, "breaks off")
}

// A firewall's page says nothing of the keys.
func TestAPageThatForbids(t *testing.T) {
	t.Parallel()
	b := bucketAt(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<html>blocked</html>")
	})
	_, err := b.Put(t.Context(), sinktest.Object("x", []byte("x")))
	failed(t, err, sink.Credentials, "a web page, not S3")
}

// Look says what the keys may not do, where that shows only later.
func TestLookAtWhatIsForbidden(t *testing.T) {
	t.Parallel()
	b := bucketAt(t, func(w http.ResponseWriter, r *http.Request) {
		switch query := r.URL.Query(); {
		case r.Method == http.MethodPost && query.Has("uploads"):
			fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
		case r.Method == http.MethodGet && query.Has("list-type"):
			fmt.Fprint(w, "<ListBucketResult></ListBucketResult>")
		default:
			w.WriteHeader(http.StatusForbidden)
		}
	})
	look, err := b.Look(t.Context())
	if want := (Look{Listed: true, Unread: true, Stays: true}); err != nil || look != want {
		t.Errorf("Look = %+v, %v, want %+v", look, err, want)
	}
}

// The answer to the last request of an object in parts may get lost in part: the
// object itself tells.
func TestCompletedWithHalfAnAnswer(t *testing.T) {
	t.Parallel()
	content := sinktest.Bytes(1, 1000)
	for name, tt := range map[string]struct {
		said   string
		stored bool
		kind   sink.Kind
		text   string
	}{
		"cut off, and there":     {`<?xml version="1.0"?> <Comple`, true, 0, ""},
		"nothing, and there":     {"", true, 0, ""},
		"nothing, and not there": {"", false, sink.Temporary, "the object is not there"},
		"what nobody knows":      {"<Error><Code>Weird</Code><Message>m</Message></Error>", false, sink.Temporary, "Weird"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := bucketAt(t, func(w http.ResponseWriter, r *http.Request) {
				switch query := r.URL.Query(); {
				case r.Method == http.MethodPost && query.Has("uploads"):
					fmt.Fprint(w, "<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>")
				case r.Method == http.MethodPost:
					fmt.Fprint(w, tt.said)
				case r.Method == http.MethodPut:
					w.Header().Set("ETag", `"part"`)
				case r.Method == http.MethodDelete:
					w.WriteHeader(http.StatusNoContent)
				case !tt.stored:
					w.WriteHeader(http.StatusNotFound)
				default:
					has(w, len(content))
					_, _ = w.Write(content) // a HEAD drops it
				}
			})
			b.partMin = 500
			_, err := b.Put(t.Context(), sinktest.Object("x", content))
			if tt.stored && err != nil {
				t.Errorf("the object is there: %v", err)
			}
			if !tt.stored {
				failed(t, err, tt.kind, tt.text)
			}
		})
	}
}

// A key that no bucket takes is that file's fault, and is found out at the start
// where all would be so long.
func TestTooLongKeys(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(strings.Repeat("x", 190)+"/", 4)
	b := bucketAt(t, func(w http.ResponseWriter, r *http.Request) { t.Errorf("%s %s was asked", r.Method, r.URL.Path) })
	b.at.prefix = strings.TrimSuffix(long, "/")
	obj := sinktest.Object("x", []byte("x"))
	obj.Key = long[:len(long)/2] + "x"
	_, err := b.Put(t.Context(), obj)
	failed(t, err, sink.Permanent, "1024")
	config := Config{URL: "s3://bucket/" + long, Timeout: time.Second, Sample: obj.Key}
	if _, err := New(config); err == nil || !strings.Contains(err.Error(), "1024") || !strings.Contains(err.Error(), "upload_key") {
		t.Errorf("New below a prefix that leaves no room: %v", err)
	}
	config.Sample = "dt=2026-11-23/hour=14/x"
	if _, err := New(config); err != nil {
		t.Errorf("New below a prefix that leaves room: %v", err)
	}
}

// Who fetches is not told of an upload.
func TestReadingIsNoUpload(t *testing.T) {
	t.Parallel()
	b := bucketAt(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	_, stat := b.Stat(t.Context(), sink.Ref{Key: "x"})
	_, open := b.Open(t.Context(), sink.Ref{Key: "x"})
	for _, err := range []error{stat, open, b.List(t.Context(), "", func(sink.Found) error { return nil })} {
		failed(t, err, sink.Credentials, "read from s3://bucket/p")
	}
}
