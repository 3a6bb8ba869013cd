package sink

import (
	"regexp"
	"strings"
	"testing"
)

func TestSafeName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 300)
	tests := []struct{ name, in, want string }{
		{"ours", "Sodefaksd231-20260102T030405.000001Z-000001.jsonl", "Sodefaksd231-20260102T030405.000001Z-000001.jsonl"},
		{"empty", "", "file"},
		{"only stripped characters", "._.", "---"},
		{"leading dot", ".bashrc", "-bashrc"},
		{"trailing dot and underscore", "a._", "a--"},
		{"blanks, quotes, line ends", "a b\"c\r\nd", "a-b-c--d"},
		{"path", "../../etc/passwd", "---..-etc-passwd"},
		{"not ASCII", "été.txt", "-t-.txt"},
		{"not UTF-8", "a\xff\xfeb", "a--b"},
		{"all foreign", "日本", "--"},
		{"long", long, ""},
	}
	for _, tt := range tests {
		got := SafeName(tt.in)
		if tt.name == "long" {
			if len(got) != maxName || SafeName(long+"b") == got {
				t.Errorf("SafeName(300 times a) = %q (%d bytes), want %d bytes, different for different names", got, len(got), maxName)
			}
			continue
		}
		if got != tt.want {
			t.Errorf("%s: SafeName(%q) = %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func FuzzSafeName(f *testing.F) {
	for _, s := range []string{"", ".", "a/b", "\x00", "x_", "-"} {
		f.Add(s)
	}
	good := regexp.MustCompile(`^[A-Za-z0-9-]([A-Za-z0-9._-]*[A-Za-z0-9-])?$`)
	f.Fuzz(func(t *testing.T, in string) {
		got := SafeName(in)
		if !good.MatchString(got) || len(got) > maxName {
			t.Errorf("SafeName(%q) = %q", in, got)
		}
		if again := SafeName(got); again != got {
			t.Errorf("SafeName(%q) = %q, again %q", in, got, again)
		}
	})
}
