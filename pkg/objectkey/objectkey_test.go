package objectkey

import (
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
)

var facts = Facts{
	Name: "Sodefaksd231-20261123T145959.000001Z-000001.jsonl", Host: "Jan's laptop.local", Stream: "jetstream", Prefix: "Sodefaksd231-",
	At: time.Date(2026, 11, 23, 15, 59, 59, 0, time.FixedZone("CET", 3600)),
}

func TestKey(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		"":                              "dt=2026-11-23/hour=14/" + facts.Name,
		"{name}":                        facts.Name,
		"{prefix}/{date}/{name}":        "Sodefaksd231/2026-11-23/" + facts.Name,
		"y={year}/{month}-{day}/{name}": "y=2026/11-23/" + facts.Name,
		"{host}/{stream}.{hour}/{name}": "Jan-s-laptop.local/jetstream.14/" + facts.Name,
	} {
		parsed, err := Parse(template)
		if err != nil {
			t.Errorf("Parse(%q): %v", template, err)
			continue
		}
		if got := parsed.Key(facts); got != want || !sink.ValidKey(got) {
			t.Errorf("%q: key %q, want %q", template, got, want)
		}
	}
}

func TestBadTemplates(t *testing.T) {
	t.Parallel()
	for template, say := range map[string]string{
		"{date}/x.jsonl":                        "one key",
		"{date}":                                "one key",
		"{date}/{name}.gz":                      "one key",
		"{name}/{name}":                         "twice",
		"{prfix}/{name}":                        "{prfix}",
		"{date/{name}":                          "{date/{name}",
		"date}/{name}":                          "brace",
		"{/{name}":                              "{/{name}",
		"{":                                     "brace",
		"../{name}":                             "../x",
		"a/../{name}":                           "a/../x",
		"./{name}":                              "./x",
		"/{name}":                               "/x",
		"a//{name}":                             "a//x",
		".hidden/{name}":                        ".hidden/x",
		"a b/{name}":                            "a b/x",
		"ä/{name}":                              "x",
		`a\{name}`:                              "one key",
		"s3://bucket/{name}":                    "s3://",
		"{date}/":                               "one key",
		"_books/{name}":                         "books",
		strings.Repeat("a", 201) + "/{name}":    "aaa",
		strings.Repeat("{host}", 4) + "/{name}": "xxx",
		strings.Repeat("a/", 400) + "{name}":    "a/a",
	} {
		_, err := Parse(template)
		if err == nil || !strings.Contains(err.Error(), say) || !strings.Contains(err.Error(), "{name} as the whole last element") {
			t.Errorf("Parse(%.60q): %v, want an error with %q and what is allowed", template, err, say)
		}
	}
}

func TestField(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "none", "host": "host", "..": "--", ".x": "-x", "a/b": "a-b", strings.Repeat("h", 90): strings.Repeat("h", 64),
	} {
		if got := Field(in); got != want {
			t.Errorf("Field(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{"Sodefaksd231-": "Sodefaksd231", "a_.-": "a", "--": "none"} {
		if got := Prefix(in); got != want {
			t.Errorf("Prefix(%q) = %q, want %q", in, got, want)
		}
	}
}

// Whatever template is taken, no name or host leads a key out of its place.
func FuzzKey(f *testing.F) {
	f.Add("{host}/{date}/{name}", "x", "host")
	f.Add("a={prefix}{stream}/{name}", "..", "/../")
	f.Fuzz(func(t *testing.T, template, name, host string) {
		parsed, err := Parse(template)
		if err != nil {
			return
		}
		some := Facts{Name: sink.SafeName(name), Host: host, Stream: host, Prefix: "p-", At: facts.At}
		if key := parsed.Key(some); !sink.ValidKey(key) || !strings.HasSuffix("/"+key, "/"+some.Name) {
			t.Errorf("%q of %q and %q: key %q", template, name, host, key)
		}
	})
}
