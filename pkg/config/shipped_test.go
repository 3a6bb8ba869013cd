package config

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the repository's config.ini from the table of keys")

const shipped = "../../config.ini"

// The repository's config.ini is the table of keys in another form: all of
// the original's with its values, ours commented out with their defaults.
func TestShippedConfig(t *testing.T) {
	t.Parallel()
	want := render()
	if *update {
		if err := os.WriteFile(shipped, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(shipped)
	text := strings.Replace(string(got), "\nwarn = 0\n", "\nwarn = 1\n", 1) // as a daemon leaves it that was run here
	if err != nil || text != want {
		t.Errorf("config.ini is not what the keys say (%v): run `go test ./pkg/config -run TestShippedConfig -update`\ngot  %s\nwant %s", err, got, want)
	}
}

// What stands in the file, taken out of its comments, is what holds without it.
func TestShippedConfigHoldsTheDefaults(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(render(), "\n#", "\n")
	var lines []string
	for line := range strings.Lines(text) {
		if scanLine(line).kind == pair && !strings.HasPrefix(line, " ") {
			lines = append(lines, line)
		}
	}
	c := good(t, strings.Join(lines, ""))
	if len(lines) != len(keys) || len(c.Warnings) > 0 {
		t.Errorf("%d lines for %d keys, warnings %q", len(lines), len(keys), c.Warnings)
	}
}

func render() string {
	var b strings.Builder
	b.WriteString(`# Configuration of twitter-stream: daemon, grabber and uploader read this file.
# Relative paths start at the directory of this file. Each key can be overridden
# by an environment variable (TWITTER_STREAM_ and the key in capitals), and the
# common ones by flags. Durations: 250ms, 90s, 15m, 1h30m. Sizes: bytes, or
# KiB, MiB, GiB. Secrets may hold any character: nothing is cut at # or ;.

[DEFAULT]

# --- the keys of the original -----------------------------------------------
`)
	own := false
	for _, k := range Keys() {
		if !k.Original && !own {
			own = true
			b.WriteString("\n# --- the rest, with their defaults: take away the # to change one -----------\n")
		}
		comment := ""
		if own {
			comment = "#"
		}
		fmt.Fprintf(&b, "\n# %s\n%s\n", capital(k.Meaning), strings.TrimRight(comment+k.Name+" = "+k.Default, " "))
	}
	return b.String()
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
