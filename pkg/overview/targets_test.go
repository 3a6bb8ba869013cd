package overview

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
	"github.com/storj/twitter-stream/pkg/store"
)

// Of several places each is shown; one that is down is a problem, and files
// leave the store no faster than to the slowest.
func TestTargets(t *testing.T) {
	t.Parallel()
	s := healthy(t)
	for i := range s.receipts {
		s.receipts[i].Sink, s.receipts[i].URL = "webnode", "http://a.test/"
	}
	s.put(t, store.StateUploader, status.Uploader{
		Common: common(13, status.Uploading), Uploaded: 7, Waiting: 1, InFlight: 1, LastUpload: ago(3 * time.Hour),
		Targets: []status.Target{
			{Sink: "webnode", URL: "http://a.test/", State: status.Uploading, Uploaded: 1030, LastUpload: ago(12 * time.Second), LastError: "an old error", LastErrorAt: ago(time.Hour)},
			{Sink: "directory", URL: "file:///mnt/b", State: status.Paused, Waiting: 1, LastError: "there is no /mnt/b\x1b[2J", LastErrorAt: ago(time.Minute)},
		},
		Copy: &status.Copy{Directory: "/mnt/books", Behind: 5, Error: "there is no directory /mnt/books", Since: ago(2 * time.Minute)},
	})
	v, err := newReader(s, Limits{}).Read(now)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := v.Table(&text, false); err != nil {
		t.Fatal(err)
	}
	flat := strings.Join(strings.Fields(text.String()), " ")
	for _, want := range []string{
		"7 everywhere since its start", "http://a.test/: uploading, 0 waiting, last 12s ago",
		"file:///mnt/b: paused, 1 waiting, none uploaded yet; 1m00s ago: there is no /mnt/b",
		"1 file waiting for file:///mnt/b: there is no /mnt/b", "the copy of the ledger in /mnt/books is behind for 2m00s: there is no directory",
	} {
		if !strings.Contains(flat, want) {
			t.Errorf("the table lacks %q:\n%s", want, text.String())
		}
	}
	if strings.Contains(flat, "an old error") || strings.Contains(flat, "\x1b") {
		t.Errorf("the table shows what is over, or foreign text as it is:\n%s", text.String())
	}
	if v.Backlog.UploadedPerS != 0 {
		t.Errorf("%v bytes/s leave the store, want none: one place takes nothing", v.Backlog.UploadedPerS)
	}
	if i := slices.IndexFunc(v.Problems, func(p string) bool { return strings.Contains(p, "http://a.test/") }); i >= 0 {
		t.Errorf("a place that works is a problem: %s", v.Problems[i])
	}
}
