package s3

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in       string
		insecure bool
		want     place
	}{
		{"s3://bucket", false, place{amazon, true, "us-east-1", "bucket", "", "s3://bucket"}},
		{"s3://bucket/", false, place{amazon, true, "us-east-1", "bucket", "", "s3://bucket"}},
		{"s3://bucket/a/dt=1/?region=eu-central-1", false, place{amazon, true, "eu-central-1", "bucket", "a/dt=1", "s3://bucket/a/dt=1?region=eu-central-1"}},
		{"s3://b.c-d?endpoint=gateway.storjshare.io", false, place{"gateway.storjshare.io", true, "us-east-1", "b.c-d", "", "s3://b.c-d?endpoint=https://gateway.storjshare.io"}},
		{"s3://bucket/p?region=x&endpoint=https://h:9000/", false, place{"h:9000", true, "x", "bucket", "p", "s3://bucket/p?endpoint=https://h:9000&region=x"}},
		{"s3://bucket?endpoint=http%3A%2F%2F127.0.0.1%3A9000", false, place{"127.0.0.1:9000", false, "us-east-1", "bucket", "", "s3://bucket?endpoint=http://127.0.0.1:9000"}},
		{"s3://bucket?endpoint=http://[::1]:9000", false, place{"[::1]:9000", false, "us-east-1", "bucket", "", "s3://bucket?endpoint=http://[::1]:9000"}},
		{"s3://bucket?endpoint=http://minio.lan:9000", true, place{"minio.lan:9000", false, "us-east-1", "bucket", "", "s3://bucket?endpoint=http://minio.lan:9000"}},
	} {
		got, err := parse(tt.in, tt.insecure)
		if err != nil || got != tt.want {
			t.Errorf("parse(%q) = %+v, %v, want %+v", tt.in, got, err, tt.want)
		}
		if again, err := parse(got.shown, tt.insecure); err != nil || again != got {
			t.Errorf("parse(%q) = %+v, %v, want what was shown to mean the same: %+v", got.shown, again, err, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://bucket/":                              "not a bucket's",
		"s3://":                                       "no bucket's name",
		"s3://Bucket":                                 "no bucket's name",
		"s3://key:geheim@bucket":                      "not a bucket's",
		"s3://bucket/../other":                        "the prefix may hold",
		"s3://bucket/a b":                             "the prefix may hold",
		"s3://bucket?secret=geheim":                   "keys stand elsewhere",
		"s3://bucket?region=a&region=b":               "once each",
		"s3://bucket?region=geheim/":                  "no region's name",
		"s3://bucket?endpoint=http://geheim.lan:9000": "allow_insecure",
		"s3://bucket?endpoint=ftp://127.0.0.1":        "https",
		"s3://bucket?endpoint=https://u:geheim@h":     "without a path",
		"s3://bucket?endpoint=https://h/geheim":       "without a path",
	} {
		got, err := parse(in, false)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("parse(%q) = %+v, %v, want an error with %q and without what was written there", in, got, err, want)
		}
	}
}

func TestPartOf(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for size, want := range map[int64]int64{1: partSize, 640_000 << 20: partSize, 700_000 << 20: 70 << 20, 5 << 40: 525 << 20, 48 << 40: 5034 << 20} {
		got := partOf(size, partSize)
		if got != want || (size+got-1)/got > maxParts || got > 5*gib {
			t.Errorf("partOf(%d) = %d, want %d", size, got, want)
		}
	}
}
