package config

import (
	"strings"
	"testing"
)

// Each row is one habit of the ini library that would change a secret.
func TestHabitsOfTheLibrary(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, value string }{
		{"inline comment #", "a#b #c"},
		{"inline comment ;", "a;b ;c"},
		{"continuation", `a\`},
		{"double quotes", `"a"`},
		{"single quotes", `'a'`},
		{"back-ticks", "`a`"},
		{"one back-tick", "`a"},
		{"back-tick within", "a`b"},
		{"three double quotes", `"""a"""`},
		{"three double quotes, not closed", `"""a`},
		{"interpolation", "%(warn)s"},
		{"per cent", "100%"},
		{"equals sign", "=a=b="},
		{"colon", ":a"},
		{"backslashes", `\\a\"\n`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := good(t, "[DEFAULT]\nupload_token = "+tt.value+"\nwarn = 0\nallow_insecure = 1\n")
			if c.UploadToken != tt.value || c.Warn {
				t.Errorf("upload_token = %q, warn = %v, want %q, false", c.UploadToken, c.Warn, tt.value)
			}
		})
	}
}

// Keys before any section and those of [DEFAULT] are one section, also when
// the header stands in the middle.
func TestDefaultSectionInTwoParts(t *testing.T) {
	t.Parallel()
	if c := good(t, "warn = 0\n[DEFAULT]\nupload_retries = 9\n"); c.Warn || c.UploadRetries != 9 {
		t.Errorf("warn = %v, upload_retries = %d, want false, 9", c.Warn, c.UploadRetries)
	}
}

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		"", "[DEFAULT]\nwarn = 1\n", "\ufeffwarn=0\r\n", "a = `\nwarn = 1", "upload_token = \"\"\"x\nwarn = 0", "\xff\xfe\x00",
		"stream_url = http://[::1\n", "[other]\nwarn = 1", "warn : 1\n=\n-=1\n", "stream_url = http://u:geheim@h/?geheim\nallow_insecure=x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content string) {
		dir := t.TempDir()
		c, err := Load(Source{Path: write(t, dir, "config.ini", content)})
		if c == nil {
			t.Fatalf("no Config for %q", content)
		}
		said := strings.Join(c.Warnings, "\n")
		if err != nil {
			said += err.Error()
		}
		if strings.ContainsAny(said, "\x00\x1b\r") {
			t.Errorf("Load(%q) says %q", content, said)
		}
		file := iniFile{lines: map[string]line{}}
		values, err := parse(file.guard(scan([]byte(content))))
		if err != nil {
			t.Fatalf("the library refuses what the scan let through of %q: %v", content, err)
		}
		for name, l := range file.lines {
			if values[name] != l.value() {
				t.Errorf("%q: %s = %q by the library, %q in the file", content, name, values[name], l.value())
			}
		}
		edited := warnOff([]byte(content))
		if again := warnOff(edited); string(again) != string(edited) {
			t.Errorf("editing %q twice: %q, then %q", content, edited, again)
		}
	})
}
