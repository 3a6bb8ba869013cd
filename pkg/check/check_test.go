package check

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/ledgercopy"
	"github.com/storj/twitter-stream/pkg/sink/s3"
	"github.com/storj/twitter-stream/pkg/store"
)

func one(text string, verdict Verdict) Check {
	return func(context.Context) []Finding {
		return []Finding{{Topic: "x", Verdict: verdict, Text: text, Advice: "do " + text}}
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		checks []Check
		good   bool
		want   string
	}{
		{"all well", []Check{one("a", OK), one("b", Warn)}, true, "ok    x              a"},
		{"one fails", []Check{one("a", Fail), one("b", OK)}, false, "FAIL  x              a\n                     → do a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if good := Run(t.Context(), &out, tt.checks...); good != tt.good || !strings.Contains(out.String(), tt.want) {
				t.Errorf("Run = %v, %q; want %v and %q", good, &out, tt.good, tt.want)
			}
		})
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	serve := func(skew time.Duration) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" || r.URL.Path != "/" {
				t.Errorf("a check sent %s with credentials %q", r.URL, r.Header.Get("Authorization"))
			}
			w.Header().Set("Date", now.Add(skew).Format(http.TimeFormat))
		}))
		t.Cleanup(server.Close)
		return server.URL + "/1.1/statuses/sample.json"
	}
	for _, tt := range []struct{ name, url, want string }{
		{"fine", serve(0), "stream http://127.0.0.1"},
		{"none", "", "stream none"},
		{"Twitter's own", "https://stream.twitter.com/1.1/statuses/sample.json", "stream https://stream.twitter.com/1.1/statuses/sample.json: Twitter switched v1.1"},
		{"nobody there", "http://127.0.0.1:1/x?secret=1", "stream http://127.0.0.1:1/x: dial tcp 127.0.0.1:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var all []string
			for _, f := range Stream(tt.url, http.DefaultClient)(t.Context()) {
				all = append(all, f.Topic+" "+f.Text)
			}
			if got := strings.Join(all, "\n"); !strings.Contains(got, tt.want) || strings.Contains(got, "secret") {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	serve := func(skew time.Duration) string {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Date"] = nil
			if skew != silent {
				w.Header().Set("Date", now.Add(skew).Format(http.TimeFormat))
			}
		}))
		t.Cleanup(server.Close)
		return server.URL + "/x"
	}
	for _, tt := range []struct {
		name string
		urls []string
		want string
	}{
		{"fine", []string{serve(0)}, "agrees"},
		{"slow", []string{serve(7 * time.Minute)}, "7m0s behind"},
		{"fast", []string{serve(-time.Hour)}, "1h0m0s ahead"},
		{"only the node tells", []string{serve(silent), serve(-time.Hour)}, "ahead"},
		{"nobody tells", []string{serve(silent), "", "http://127.0.0.1:1/"}, "not compared"},
		{"nobody is asked who is gone for good", []string{"https://stream.twitter.com/1.1/statuses/sample.json"}, "not compared"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			found := Clock(http.DefaultClient, func() time.Time { return now }, tt.urls...)(t.Context())
			if len(found) != 1 || !strings.Contains(found[0].Text, tt.want) {
				t.Errorf("found %+v, want %q", found, tt.want)
			}
		})
	}
}

const silent = time.Duration(1<<63 - 1)

func TestRetired(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		url          string
		stream, node bool
	}{
		{"https://stream.twitter.com/1.1/statuses/filter.json", true, false},
		{"https://nottwitter.com/1.1/statuses/sample.json", false, false},
		{"https://api.x.com/2/tweets/sample/stream", false, false},
		{"http://node2.storj.io/api/upload", false, true},
		{"http://127.0.0.1:8000/api/upload", false, false},
	} {
		if s, n := RetiredStream(tt.url), RetiredNode(tt.url); s != tt.stream || n != tt.node {
			t.Errorf("%s: retired stream %v node %v, want %v %v", tt.url, s, n, tt.stream, tt.node)
		}
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	missing := store.Config{Dir: t.TempDir() + "/none", Prefix: "p-", WorkingName: "grabber.dat"}
	there := store.Config{Dir: t.TempDir() + "/store", Prefix: "p-", WorkingName: "grabber.dat", Create: true}
	s, err := store.Open(there)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, tt := range []struct {
		name  string
		check Check
		want  Verdict
		text  string
	}{
		{"store not there yet", Store(missing, 0), OK, "will be made a store"},
		{"the original's", Store(store.Config{Dir: t.TempDir(), Prefix: "p-", WorkingName: "grabber.dat"}, 0), OK, "will be made a store"},
		{"store", Store(there, 0), OK, "free"},
		{"store without room", Store(there, 1<<62), Fail, "store_min_free"},
		{"ledger", Ledger(there), OK, "0 receipts"},
		{"captured book", Captured(there), OK, "0 files"},
		{"credentials", Credentials(true, nil, "daemon auth"), OK, "are set"},
		{"no credentials", Credentials(true, []string{"CONSUMER_KEY"}, "daemon auth"), Fail, "CONSUMER_KEY"},
		{"none needed", Credentials(false, nil, ""), OK, "needs none"},
		{"problems", Problems(func() ([]string, error) { return []string{"a problem"}, nil }), Warn, "a problem"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := tt.check(t.Context())
			if len(found) != 1 || found[0].Verdict != tt.want || !strings.Contains(found[0].Text, tt.text) {
				t.Errorf("found %+v, want %v with %q", found, tt.want, tt.text)
			}
		})
	}
	if found := Problems(func() ([]string, error) { return nil, errors.New("x") })(t.Context()); found != nil {
		t.Errorf("an unreadable store was said twice: %v", found)
	}
}

// lacking are books of one file of so many bytes.
type lacking int64

func (l lacking) Files() ([]ledgercopy.File, error) {
	return []ledgercopy.File{{Name: "2026-11.jsonl", Size: int64(l)}}, nil
}

func (lacking) Open(string) (interface {
	io.ReaderAt
	io.Closer
}, error) {
	return nil, errors.New("nobody reads them")
}

func TestCopy(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := errors.Join(os.MkdirAll(root+"/host/ledger", 0o700), os.WriteFile(root+"/host/ledger/2026-11.jsonl", []byte("12345"), 0o600)); err != nil {
		t.Fatal(err)
	}
	hang := make(chan struct{})
	defer close(hang)
	for _, tt := range []struct {
		name, root string
		onlyKeys   bool
		books      lacking
		err        error
		hangs      bool
		want       Verdict
		text       string
	}{
		{"none, and a web node", "", true, 0, nil, false, Warn, "the only keys"},
		{"complete", root, true, 5, nil, false, OK, "has all"},
		{"behind", root, false, 9, nil, false, Warn, "lacks 4 bytes"},
		{"not mounted", root + "/none", true, 5, nil, false, Fail, "none"},
		{"no books yet", root, true, 0, errors.New("no store"), false, OK, "has all"},
		{"hangs", root, true, 5, nil, true, Fail, "does not answer"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		found := Copy(tt.root, tt.onlyKeys, func() (ledgercopy.Source, string, func(), error) {
			if tt.hangs {
				cancel()
				<-hang
			}
			return tt.books, "host", func() {}, tt.err
		})(ctx)
		cancel()
		if len(found) != 1 || found[0].Verdict != tt.want || !strings.Contains(found[0].Text, tt.text) {
			t.Errorf("%s: %+v, want %v with %q", tt.name, found, tt.want, tt.text)
		}
	}
	if found := Copy("", false, nil)(t.Context()); found != nil {
		t.Errorf("a copy that nobody needs is missed: %+v", found)
	}
}

// What the keys of a bucket may not do is said, with the permission that lacks.
func TestBucketFindings(t *testing.T) {
	for _, tt := range []struct {
		look s3.Look
		say  string
	}{
		{s3.Look{}, "s3:ListBucket"},
		{s3.Look{Listed: true, Unread: true}, "s3:GetObject"},
		{s3.Look{Listed: true, Stays: true}, "s3:AbortMultipartUpload"},
		{s3.Look{Listed: true, Locked: true, Default: "COMPLIANCE 1 DAYS"}, "COMPLIANCE 1 DAYS"},
	} {
		found := bucketFindings("s3://bucket", tt.look)
		if len(found) != 2 || found[1].Verdict != Warn || !strings.Contains(found[1].Text+found[1].Advice, tt.say) {
			t.Errorf("%+v: %+v, want a note with %q", tt.look, found, tt.say)
		}
	}
	if found := bucketFindings("s3://bucket", s3.Look{Listed: true}); len(found) != 1 || found[0].Verdict != OK {
		t.Errorf("a bucket with nothing to say of it: %+v", found)
	}
}
