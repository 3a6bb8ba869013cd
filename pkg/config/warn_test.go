package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestSetWarnOff(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, want string }{
		{"in the middle", "# a\n[DEFAULT]\nb = 1\nwarn = 1\n\n; c\nd = 2", "# a\n[DEFAULT]\nb = 1\nwarn = 0\n\n; c\nd = 2"},
		{"its own spelling", "  WARN:true   \nx=1\n", "  WARN:0   \nx=1\n"},
		{"CRLF and byte order mark", "\ufeff[DEFAULT]\r\nwarn=yes\r\n", "\ufeff[DEFAULT]\r\nwarn=0\r\n"},
		{"no line end", "[DEFAULT]\nwarn = 1", "[DEFAULT]\nwarn = 0"},
		{"no value", "warn =\n", "warn =0\n"},
		{"missing", "# a\n[DEFAULT]\nb = 1\n", "# a\n[DEFAULT]\nwarn = 0\nb = 1\n"},
		{"missing, CRLF, no line end", "a = 1\r\n[DEFAULT]", "a = 1\r\n[DEFAULT]\r\nwarn = 0\r\n"},
		{"missing, no section", "# a\nb = 1", "# a\nb = 1\nwarn = 0\n"},
		{"commented out", "[DEFAULT]\n# warn = 1\n", "[DEFAULT]\nwarn = 0\n# warn = 1\n"},
		{"another section's", "[other]\nwarn = 1\n", "warn = 0\n[other]\nwarn = 1\n"},
		{"off already", "warn = 0\n", "warn = 0\n"},
		{"empty", "", "warn = 0\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := write(t, t.TempDir(), "config.ini", tt.in)
			if err := os.Chmod(path, 0o640); err != nil {
				t.Fatal(err)
			}
			if err := SetWarnOff(path); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(path)
			if err != nil || string(got) != tt.want {
				t.Errorf("SetWarnOff of %q: %q, %v, want %q", tt.in, got, err, tt.want)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("mode is now %v, %v", info.Mode(), err)
			}
		})
	}
}

func TestSetWarnOffWhereNothingCanBeWritten(t *testing.T) {
	t.Parallel()
	var notWritable *NotWritableError
	if err := SetWarnOff(filepath.Join(t.TempDir(), "none")); !errors.As(err, &notWritable) {
		t.Errorf("no file: %v, want *NotWritableError", err)
	}
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere: the read-only file is not tested")
	}
	path := write(t, t.TempDir(), "config.ini", "warn = 1\n")
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if err := SetWarnOff(path); !errors.As(err, &notWritable) {
		t.Errorf("read-only file: %v, want *NotWritableError", err)
	}
}
