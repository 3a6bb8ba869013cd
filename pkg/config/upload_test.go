package config

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A directory is a URL or a path; what looks like a mistyped URL is neither.
func TestUploadURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ value, want string }{
		{"none", ""},
		{"None", ""},
		{"https://node.example/api/upload", "https://node.example/api/upload"},
		{"file:///srv/archive", "file:///srv/archive"},
		{"file:///srv/../archive/", "file:///archive"},
		{"file:///srv/my%20archive", "file:///srv/my%20archive"},
		{"file://localhost/srv/archive", "file:///srv/archive"},
		{"/srv/archive", "file:///srv/archive"},
		{"/srv/my archive?#%", "file:///srv/my%20archive%3F%23%25"},
		{"archive", "file://DIR/archive"},
		{"archive/", "file://DIR/archive"},
		{"data/tweets.2026", "file://DIR/data/tweets.2026"},
		{"./my.archive", "file://DIR/my.archive"},
		{"./a:b", "file://DIR/a:b"},
		{"../archive", "file://UP/archive"},
		{"httpd", "file://DIR/httpd"},
		{"s3://bucket/key?region=eu", "s3://bucket/key?region=eu"},
		{"sj://bucket/key", "sj://bucket/key"},

		{"htp://node.example/api/upload", "error"},
		{"http//node.example/api/upload", "error"},
		{"http:/node.example/api/upload", "error"},
		{"https;//node.example/api/upload", "error"},
		{"http:", "error"},
		{"http://", "error"},
		{"//node.example/api/upload", "error"},
		{"node.example/api/upload", "error"},
		{"node.example", "error"},
		{"127.0.0.1/api/upload", "error"},
		{"localhost:8000/api/upload", "error"},
		{"localhost", "error"},
		{"localhost/api/upload", "error"},
		{"node:8000/api/upload", "error"},
		{"s3:///key", "error"},
		{"s3:bucket", "error"},
		{"s3://key:secret@bucket", "error"},
		{"file:archive", "error"},
		{"file://archive", "error"},
		{"file://host/archive", "error"},
		{"file:///archive?x=1", "error"},
		{"~/archive", "error"},
		{"", "error"},
		{"a b", "error"},
	} {
		dir := t.TempDir()
		c := &Config{Dir: dir}
		err := uploadURLs(c, tt.value)
		want := strings.NewReplacer("DIR", dir, "UP", filepath.Dir(dir)).Replace(tt.want)
		switch {
		case tt.want == "error" && (err == nil || !strings.Contains(err.Error(), "file:///srv/archive") || !strings.Contains(err.Error(), "https://node.example")):
			t.Errorf("%q: %q, %v; want an error that lists what is allowed", tt.value, c.UploadURL, err)
		case tt.want != "error" && (err != nil || c.UploadURL != want):
			t.Errorf("%q: %q, %v; want %q", tt.value, c.UploadURL, err, want)
		}
		if abs := AbsoluteUpload(dir, tt.value); err == nil && tt.want != "" {
			again := &Config{Dir: "/elsewhere"}
			if err := uploadURLs(again, abs); err != nil || again.UploadURL != want {
				t.Errorf("%q made absolute is %q: %q, %v; want %q", tt.value, abs, again.UploadURL, err, want)
			}
		}
	}
}

// Archive, store and logs are kept apart.
func TestArchiveIsApart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		good bool
	}{
		{"upload_url = archive", true},
		{"upload_url = store2", true},
		{"upload_url = store", false},
		{"upload_url = store/archive", false},
		{"upload_url = ./logs", false},
		{"upload_url = .", false},
		{"upload_url = archive\ngrabber_storage_directory = archive/store", false},
	} {
		_, err := load(t, tt.text+"\n")
		if (err == nil) != tt.good || err != nil && !strings.Contains(err.Error(), "upload_url") {
			t.Errorf("%s: %v, want good: %v", tt.text, err, tt.good)
		}
	}
}

func FuzzUploadURL(f *testing.F) {
	for _, s := range []string{"archive", "file:///a", "http://x/", "./\x00", "file://%2f", "none"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		c := &Config{Dir: "/conf"}
		if uploadURLs(c, value) != nil || c.UploadURL == "" {
			return
		}
		again := &Config{Dir: "/elsewhere"}
		if err := uploadURLs(again, c.UploadURL); err != nil || again.UploadURL != c.UploadURL {
			t.Errorf("%q is %q, which is %q, %v", value, c.UploadURL, again.UploadURL, err)
		}
	})
}

func TestSeveralUploadURLs(t *testing.T) {
	t.Parallel()
	for value, want := range map[string][]string{
		"none":                         nil,
		"/srv/my archive s3://b/p":     {"file:///srv/my%20archive", "s3://b/p"},
		"/a  ./b\thttp://c/api/upload": {"file:///a", "file://DIR/b", "http://c/api/upload"},
		"/a /a":                        {"error"},
		"/a file:///a":                 {"error"},
		"s3://b htp://c":               {"error"},
	} {
		dir := t.TempDir()
		c := &Config{Dir: dir}
		err := uploadURLs(c, value)
		got := c.UploadURLs
		if err != nil {
			got = []string{"error"}
		}
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], dir, "DIR")
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v; want %q", value, got, err, want)
		}
	}
}

func TestLedgerCopy(t *testing.T) {
	t.Parallel()
	if c := good(t, "ledger_copy = ../books\n"); c.LedgerCopy != filepath.Join(filepath.Dir(c.Dir), "books") {
		t.Errorf("ledger_copy = %q", c.LedgerCopy)
	}
	_, err := load(t, "ledger_copy = store/copy\n")
	if err == nil {
		t.Fatal("a copy in the store was taken")
	}
	wantText(t, "the error", err.Error(), "ledger_copy: store/copy: a directory outside the store")
}

func TestUploadKey(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"", "{name}", "{prefix}/{host}/{stream}/{year}{month}{day}T{hour}/{name}"} {
		if c := good(t, "upload_key = "+value+"\n"); c.UploadKey != value {
			t.Errorf("upload_key = %q is %q", value, c.UploadKey)
		}
	}
	for value, say := range map[string]string{
		"../{name}": "../x", "{date}": "one key", "{nmae}/{name}": "{nmae}", "/a/{name}": "/a/x", "a//{name}": "a//x",
	} {
		_, err := load(t, "upload_key = "+value+"\n")
		if err == nil {
			t.Errorf("upload_key = %q was taken", value)
			continue
		}
		wantText(t, "the error", err.Error(), "config.ini: upload_key: "+value+": ")
		wantText(t, "the error", err.Error(), say)
		wantText(t, "the error", err.Error(), "{name} as the whole last element")
	}
}
