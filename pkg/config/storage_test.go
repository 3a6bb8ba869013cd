package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestStorageKeys(t *testing.T) {
	t.Parallel()
	const file = `# keys
S3_ACCESS_KEY = common
s3_secret_key = "a#b;c\"
STORJ_ACCESS = 1grant
[s3://own-bucket]
S3_ACCESS_KEY = own
S3_SECRET_KEY = theirs
S3_SESSION_TOKEN = t
[sj://other]
STORJ_ACCESS = 2grant
[DEFAULT]
`
	for _, tt := range []struct {
		name, file, url string
		environ         []string
		want            StorageKeys
	}{
		{"no file", "", "s3://b", nil, StorageKeys{}},
		{"common", file, "s3://b/x?endpoint=h:1", nil, StorageKeys{AccessKey: "common", SecretKey: `a#b;c\`, StorjAccess: "1grant"}},
		{"a bucket's own", file, "s3://own-bucket/x", nil, StorageKeys{"own", "theirs", "t", "1grant"}},
		{"another scheme's", file, "sj://own-bucket", nil, StorageKeys{AccessKey: "common", SecretKey: `a#b;c\`, StorjAccess: "1grant"}},
		{"Storj's own", file, "sj://other/p", nil, StorageKeys{AccessKey: "common", SecretKey: `a#b;c\`, StorjAccess: "2grant"}},
		{"environment", file, "s3://b", []string{"TWITTER_STREAM_S3_ACCESS_KEY=env", "TWITTER_STREAM_S3_SECRET_KEY= s "}, StorageKeys{AccessKey: "env", SecretKey: "s", StorjAccess: "1grant"}},
		{"a bucket's own over the environment", file, "s3://own-bucket", []string{"TWITTER_STREAM_S3_ACCESS_KEY=env", "TWITTER_STREAM_STORJ_ACCESS=3grant"}, StorageKeys{"own", "theirs", "t", "3grant"}},
		{"a file that a variable names", "", "s3://b", []string{"TWITTER_STREAM_S3_ACCESS_KEY_FILE=secret.txt"}, StorageKeys{AccessKey: "from a file"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "secret.txt", "from a file\n")
			if tt.file != "" {
				write(t, dir, "config_storage.ini", tt.file)
			}
			src := Source{Path: write(t, dir, "config.ini", ""), Environ: tt.environ}
			c, err := Load(src)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.Storage(tt.url); err != nil || got != tt.want {
				t.Errorf("Storage(%s) = %+v, %v, want %+v", tt.url, got, err, tt.want)
			}
			src.NoStorage = true
			if c, err = Load(src); err != nil {
				t.Fatal(err)
			}
			if got, err := c.Storage(tt.url); err != nil || got != (StorageKeys{}) {
				t.Errorf("NoStorage: Storage(%s) = %+v, %v, want nothing", tt.url, got, err)
			}
		})
	}
}

// Keys that are renewed while a process runs are seen.
func TestStorageIsReadAnew(t *testing.T) {
	t.Parallel()
	c := good(t, "")
	path := write(t, c.Dir, "config_storage.ini", "S3_ACCESS_KEY = one\n")
	for _, want := range []string{"one", "two"} {
		write(t, c.Dir, filepath.Base(path), "S3_ACCESS_KEY = "+want+"\n")
		if got, err := c.Storage("s3://b"); err != nil || got.AccessKey != want {
			t.Errorf("Storage = %+v, %v, want %q", got, err, want)
		}
	}
	write(t, c.Dir, filepath.Base(path), "SECRETSECRET\n")
	if got, err := c.Storage("s3://b"); err == nil || strings.Contains(err.Error(), "SECRET") || got != (StorageKeys{}) {
		t.Errorf("Storage of a broken file = %+v, %v, want an error without the secret", got, err)
	}
}

func TestStorageFileProblems(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, file, config, problem, warning string }{
		{"unknown section", "[s3://b/prefix]\nS3_ACCESS_KEY = geheim\n", "", "line 1: section [s3://b/prefix]", ""},
		{"line of its own", "\nGEHEIMgeheim\n", "", "line 2", ""},
		{"twice", "S3_ACCESS_KEY = geheim\n[s3://b]\nS3_ACCESS_KEY = geheim\nS3_ACCESS_KEY = geheim\n", "", "line 4", ""},
		{"misspelt", "S3_ACESS_KEY = geheim\n", "", "", "did you mean S3_ACCESS_KEY?"},
		{"config.ini itself", "", "config_storage_filename = config.ini\n", "config_storage_filename", ""},
		{"in the store", "", "config_storage_filename = store/x\n", "config_storage_filename", ""},
		{"in config.ini", "", "s3_access_key = geheim\n", "", "it belongs in the file that config_storage_filename names"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if tt.file != "" {
				write(t, dir, "config_storage.ini", tt.file)
			}
			c, err := Load(Source{Path: write(t, dir, "config.ini", tt.config)})
			said := strings.Join(c.Warnings, "\n")
			if err != nil {
				said += err.Error()
			}
			if (err != nil) != (tt.problem != "") || strings.Contains(said, "eheim") {
				t.Errorf("Load: %v, %q", err, said)
			}
			wantText(t, "what was said", said, tt.problem, tt.warning)
		})
	}
}

func TestLooseStorageFileIsSaid(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files have no modes there")
	}
	dir := t.TempDir()
	path := write(t, dir, "config_storage.ini", "S3_ACCESS_KEY = a\n")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(Source{Path: write(t, dir, "config.ini", "")})
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, "the warnings", strings.Join(c.Warnings, "\n"), "chmod 600", "config_storage.ini")
}
