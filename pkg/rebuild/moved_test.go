package rebuild

import (
	"slices"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
)

// The disk is mounted elsewhere on the new machine: the copies name the old
// path. That is said, and what a person calls moved is a receipt of the new one.
func TestMovedPlace(t *testing.T) {
	t.Parallel()
	const old = "s3://old/tweets"
	receipts := ""
	for n := range 3 {
		content := "content of " + name(n)
		receipts += line(store.Receipt{
			Time: begin, Name: name(n), Size: int64(len(content)), SHA256: hashOf(content), Sink: "s3", URL: old,
			FileHash: hashOf(content), Attempts: 1, By: store.ByWatch, Object: "dt=2026-11-01/" + name(n),
		})
	}
	for _, c := range []struct {
		name   string
		moved  []string
		places int // of the kind
		fails  string
		urls   []string // of the receipts that are made
		said   bool
	}{
		{name: "not said to have moved", places: 1, urls: []string{bucket, bucket, bucket, old, old, old}, said: true},
		{name: "moved", moved: []string{old}, places: 1, urls: []string{bucket, bucket, bucket}},
		{name: "another one moved", moved: []string{"s3://other"}, places: 1, urls: []string{bucket, bucket, bucket, old, old, old}, said: true},
		{name: "nowhere", moved: []string{old}, places: 0, fails: "none"},
		{name: "to one of several", moved: []string{old}, places: 2, fails: "2 places"},
	} {
		w := newWorld(t)
		for n := range 3 {
			w.there.put("dt=2026-11-01/"+name(n), name(n), nil)
		}
		cfg := w.config(copyOf("2026-11.jsonl", receipts))
		cfg.Moved = c.moved
		place := cfg.Places[0]
		cfg.Places = []Place{{"webnode", "http://node/api/upload", struct{ sink.Reader }{w.there}}}
		for range c.places {
			cfg.Places = append(cfg.Places, place)
			place.URL += "2"
		}
		r, err := Run(t.Context(), cfg)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) || len(w.receipts()) > 0 {
				t.Errorf("%s: %v, %d receipts", c.name, err, len(w.receipts()))
			}
			continue
		}
		var urls []string
		for _, receipt := range w.receipts() {
			urls = append(urls, receipt.URL)
		}
		slices.Sort(urls)
		slices.SortFunc(c.urls, strings.Compare)
		if err != nil || !slices.Equal(urls, c.urls) {
			t.Errorf("%s: %v, receipts of %v, want %v", c.name, err, urls, c.urls)
		}
		var text strings.Builder
		if err := r.Text(&text); err != nil || strings.Contains(text.String(), "3 receipts are of "+old) != c.said || c.said != (len(r.Elsewhere) == 1) {
			t.Errorf("%s: %+v: %s", c.name, r, text.String())
		}
	}
}
