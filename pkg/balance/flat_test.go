package balance

import (
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/store"
)

// What our own programs write is read the fast way: the figures depend on it.
func TestOwnLinesAreFast(t *testing.T) {
	t.Parallel()
	f := line(name(1), 5)
	f.Position, f.Recovered, f.Damaged, f.Instead = `[{"topic":"a","offset":1}]`, true, 3, name(2)
	f.PackedBytes, f.PackedSHA256 = content(3)
	text := strings.TrimSuffix(string(f.Line()), "\n")
	got, ok := readFile([]byte(text))
	if !ok || string(got.name) != f.Name || string(got.instead) != f.Instead || got.size != 3 || got.inflatedSize != 5 {
		t.Errorf("%s: %+v, %v", text, got, ok)
	}
	w := newWorld(t)
	r := given(name(1), 5, "http://a/b", now)
	r.InflatedSize, r.InflatedSHA256 = content(9)
	r.Object = "dt=2026-11-25/hour=12/x"
	w.receipt(r)
	if got, ok := readReceipt([]byte(strings.TrimSuffix(w.ledger.String(), "\n"))); !ok || string(got.url) != r.URL || got.inflatedSize != 9 {
		t.Errorf("%s: %+v, %v", w.ledger.String(), got, ok)
	}
}

// FuzzLines: the fast way says nothing that the slow one does not say.
func FuzzLines(f *testing.F) {
	full := line(name(1), 5)
	full.Position, full.Recovered = `{"a":"b"}`, true
	full.PackedBytes, full.PackedSHA256 = content(3)
	f.Add(strings.TrimSuffix(string(full.Line()), "\n"))
	f.Add(strings.TrimSuffix(string(line("x", 0).Line()), "\n"))
	hash := strings.Repeat("0", 64)
	f.Add(`{"time":"2026-11-25T12:00:00Z","name":"a","size":5,"sha256":"` + hash + `","sink":"webnode","url":"http://a","filehash":"","key":"","attempts":1,"by":"watch","inflated_size":9,"inflated_sha256":"` + hash + `"}`)
	f.Add(`{"time":"2026-11-25T12:00:00+01:00","name":"a\\","size":-0,"sha256":"` + hash + `","sink":"s","Name":"b"}`)
	f.Add(`{"kind":"file","name":"a","messages":01}`)
	f.Fuzz(func(t *testing.T, text string) {
		if got, ok := readFile([]byte(text)); ok {
			l, err := coverage.Decode([]byte(text))
			if err != nil || l.File == nil {
				t.Fatalf("%q is no file's line: %v", text, err)
			}
			want := fileOf(l.File)
			if string(got.name) != string(want.name) || string(got.instead) != string(want.instead) || got.size != want.size ||
				string(got.sha256) != string(want.sha256) || string(got.inflatedSHA256) != string(want.inflatedSHA256) ||
				got.inflatedSize != want.inflatedSize || !got.begun.Equal(want.begun) {
				t.Fatalf("%q is %+v, want %+v", text, got, want)
			}
		}
		if got, ok := readReceipt([]byte(text)); ok {
			r, err := store.DecodeReceipt([]byte(text))
			if err != nil {
				t.Fatalf("%q is no receipt: %v", text, err)
			}
			want := receiptOf(r)
			if string(got.name) != string(want.name) || string(got.by) != string(want.by) || string(got.sink) != string(want.sink) ||
				string(got.url) != string(want.url) || got.size != want.size || string(got.sha256) != string(want.sha256) ||
				string(got.inflatedSHA256) != string(want.inflatedSHA256) || !got.time.Truncate(time.Nanosecond).Equal(want.time) {
				t.Fatalf("%q is %+v, want %+v", text, got, want)
			}
		}
	})
}
