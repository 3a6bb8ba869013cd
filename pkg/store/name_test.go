package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseName(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 15, 4, 5, 123456000, time.UTC)
	for _, tt := range []struct {
		name, in string
		want     fileName
		ok       bool
	}{
		{"ours", "Sodefaksd231-20261123T150405.123456Z-000042.jsonl", fileName{prefix: "Sodefaksd231-", at: at, n: 42}, true},
		{"one letter", "x20261123T150405.123456Z-999999.jsonl", fileName{prefix: "x", at: at, n: 999999}, true},
		{"prefix that looks like a time", "20261123T150405.123456Z-20261123T150405.123456Z-000001.jsonl", fileName{prefix: "20261123T150405.123456Z-", at: at, n: 1}, true},
		{"no prefix", "20261123T150405.123456Z-000042.jsonl", fileName{}, false},
		{"dot", ".p-20261123T150405.123456Z-000042.jsonl", fileName{}, false},
		{"blank in prefix", "a b20261123T150405.123456Z-000042.jsonl", fileName{}, false},
		{"the original's", "Sodefaksd231-1414081234.56-1.txt", fileName{}, false},
		{"no such day", "p-20260230T150405.123456Z-000042.jsonl", fileName{}, false},
		{"comma", "p-20261123T150405,123456Z-000042.jsonl", fileName{}, false},
		{"sign in counter", "p-20261123T150405.123456Z-+00042.jsonl", fileName{}, false},
		{"five digits", "p-20261123T150405.123456Z-00042.jsonl", fileName{}, false},
		{"other suffix", "p-20261123T150405.123456Z-000042.jsonx", fileName{}, false},
		{"more behind it", "p-20261123T150405.123456Z-000042.jsonl.damaged", fileName{}, false},
		{"path", "a/p-20261123T150405.123456Z-000042.jsonl", fileName{}, false},
		{"empty", "", fileName{}, false},
	} {
		got, ok := parseName(tt.in)
		if ok != tt.ok || ok && got != tt.want {
			t.Errorf("%s: parseName(%q) = %+v, %v; want %+v, %v", tt.name, tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

func FuzzParseName(f *testing.F) {
	f.Add("p-20261123T150405.123456Z-000042.jsonl")
	f.Add(".p-20261123T150405.123456Z-000042.jsonl")
	f.Add("p-00010101T000000.000000Z-000000.jsonl")
	f.Fuzz(func(t *testing.T, s string) {
		n, ok := parseName(s)
		if !ok {
			return
		}
		if n.String() != s {
			t.Errorf("parseName(%q) prints as %q", s, n)
		}
		if strings.ContainsAny(s, "/\\\x00\n ") || s[0] == '.' {
			t.Errorf("parseName accepts %q", s)
		}
		if later := n.after(); n.at.Before(maxNameTime) && later.String() <= s {
			t.Errorf("after %q comes %q", s, later)
		}
	})
}

// Invariant 5: names sort by time of capture, never collide, survive a clock
// that steps back, and begin with the prefix.
func TestInvariant5Names(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC)
	n := &namer{prefix: "p-"}
	n.raise(fileName{prefix: "p-", at: start, n: 7})
	n.raise(fileName{prefix: "other-", at: start.AddDate(50, 0, 0), n: 7}) // sorts elsewhere
	clock := []time.Time{start.Add(time.Second), start.Add(time.Second), start.Add(-time.Hour), start.AddDate(1, 0, 0), start.Add(time.Minute),
		{}, time.Unix(1<<40, 0), start, start.AddDate(9000, 0, 0)}
	names := []string{fileName{prefix: "p-", at: start, n: 7}.String()}
	for _, at := range clock {
		names = append(names, n.next(at).String())
	}
	for i, name := range names {
		if _, ok := parseOwn("p-", name); !ok {
			t.Errorf("name %d, %q, is outside the grammar", i, name)
		}
		if i > 0 && name <= names[i-1] {
			t.Errorf("name %d for %v, %q, does not sort after %q", i, clock[i-1], name, names[i-1])
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("not sorted: %q", names)
	}
}

// Invariant 5: the next name is above all that there are or were, wherever the
// last trace of the greatest is.
func TestInvariant5Greatest(t *testing.T) {
	t.Parallel()
	const greatest = "p-20300101T000000.000000Z-000007.jsonl"
	receipt := fmt.Sprintf(`{"time":"2026-11-23T15:00:00Z","name":%q,"size":1,"sha256":"%s","sink":"webnode","url":"","filehash":"","key":"","attempts":1,"by":"watch"}`+"\n", greatest, strings.Repeat("0", 64))
	for _, tt := range []struct{ name, file, content string }{
		{"finished", greatest, "{}\n"},
		{"being finished", "." + greatest, "{}\n"},
		{"rejected", "rejected/" + greatest, "{}\n"},
		{"rejected twice", "rejected/" + greatest + ".2", "{}\n"},
		{"reason alone", "rejected/" + greatest + reasonSuffix, "{}\n"},
		{"damaged", "rejected/" + greatest + damagedSuffix, "{}\n"},
		{"shipped", "ledger/2026-11.jsonl", receipt},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newCapture(oldStore())
			c.now = func() time.Time { return time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC) }
			c.m.put(tt.file, tt.content)
			w, err := c.writer()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.add(w, 1); err != nil {
				t.Fatal(err)
			}
			if err := w.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			last := c.finished[len(c.finished)-1]
			if last <= greatest {
				t.Errorf("%s: new file is %q, which does not sort after %q", tt.file, last, greatest)
			}
		})
	}
}

// Invariant 5: a rename never replaces. A file that somebody dropped in under
// the very name keeps it, and ours sorts right behind.
func TestInvariant5NeverReplaces(t *testing.T) {
	t.Parallel()
	c := newCapture(oldStore())
	c.cfg.SyncInterval = 0
	c.now = func() time.Time { return time.Date(2026, 11, 23, 15, 0, 0, 0, time.UTC) }
	w, err := c.writer()
	if err != nil {
		t.Fatal(err)
	}
	dropped := map[string]string{}
	first := fileName{prefix: capturePrefix, at: c.now().Add(time.Microsecond), n: 6}
	for i, name := range []fileName{first, first.after(), {prefix: capturePrefix, at: c.now().Add(2 * time.Microsecond), n: 7}} {
		dropped[name.String()] = fmt.Sprintf("dropped in %d", i)
		c.m.put(name.String(), dropped[name.String()])
	}
	second := "." + fileName{prefix: capturePrefix, at: c.now().Add(2 * time.Microsecond), n: 7}.String()
	dropped[second] = "dropped in, being finished"
	c.m.put(second, dropped[second])
	for range 3 {
		if err := c.add(w, 1); err != nil {
			t.Fatal(err)
		}
		if err := w.Cut(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, want := range dropped {
		if got := c.m.read(t, name); got != want {
			t.Errorf("%s was replaced: %q", name, got)
		}
		if slices.Contains(c.finished, name) {
			t.Errorf("%s is told to be finished by us", name)
		}
	}
	own := c.finished[len(c.finished)-3:]
	for i, name := range own {
		if got, want := c.m.read(t, name), message(1000+i)+"\n"; got != want {
			t.Errorf("%s holds %q, want %q", name, got, want)
		}
	}
	if !slices.IsSorted(own) {
		t.Errorf("files are out of order: %q", own)
	}
}

func TestValidPrefix(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"Sodefaksd231-": true, "a": true, "a.b": true, strings.Repeat("x", 64): true,
		"": false, ".a": false, "a/b": false, "a b": false, "ä": false, strings.Repeat("x", 65): false, "a\n": false,
	} {
		if got := ValidPrefix(in); got != want {
			t.Errorf("ValidPrefix(%q) = %v, want %v", in, got, want)
		}
	}
}
