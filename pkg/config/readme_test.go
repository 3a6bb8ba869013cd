package config

import (
	"os"
	"strings"
	"testing"
)

const readme = "../../README.md"

// The README's table of keys is the table of keys.
func TestReadmeKeys(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- keys: written by go test ./pkg/config -run TestReadmeKeys -update -->\n", "<!-- end of keys -->\n"
	data, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(data), begin)
	table, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no table of keys between its marks", readme)
	}
	var want strings.Builder
	want.WriteString("| key | default | meaning |\n|---|---|---|\n")
	for _, k := range Keys() {
		name, value := "`"+k.Name+"`", "`"+k.Default+"`"
		if k.Original {
			name += " ¹"
		}
		if k.Default == "" {
			value = ""
		}
		want.WriteString("| " + name + " | " + value + " | " + strings.ReplaceAll(k.Meaning, "|", `\|`) + " |\n")
	}
	if table == want.String() {
		return
	}
	if !*update {
		t.Fatalf("%s is not what the keys say: run this test with -update\ngot\n%s\nwant\n%s", readme, table, want.String())
	}
	if err := os.WriteFile(readme, []byte(before+begin+want.String()+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
