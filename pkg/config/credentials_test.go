package config

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// awkward are secrets that an ini file or a reader of one may change.
var awkward = []string{
	"plain", "100%", "%(x)s", "%%", "#a", "a#b", " # a", ";a", "a ; b", "=a", "a=b=", ":a", "'a'", `"a"`, `"`, `""`, `"""`, `"""a"""`,
	"`a`", "`", `a\`, `\`, `"a`, `a"`, " leading", "trailing ", "\u00a0no-break\u00a0", "None", "none", "", "[x]", "ü€",
}

func TestSecretsRoundTrip(t *testing.T) {
	t.Parallel()
	for i, secret := range awkward {
		c := good(t, "")
		other := awkward[(i+1)%len(awkward)]
		if err := c.SaveAPI(secret, other); err != nil {
			t.Fatalf("SaveAPI(%q, %q): %v", secret, other, err)
		}
		if err := c.SaveOAuth(other, secret); err != nil {
			t.Fatalf("SaveOAuth(%q, %q): %v", other, secret, err)
		}
		want := Credentials{ConsumerKey: secret, ConsumerSecret: other, OAuthToken: other, OAuthTokenSecret: secret}
		if c.Credentials != want {
			t.Errorf("after saving %q: %+v", want, c.Credentials)
		}
		again, err := Load(Source{Path: c.Path})
		if err != nil || again.Credentials != want {
			t.Errorf("loaded %+v, %v, want %+v", again.Credentials, err, want)
		}
	}
}

// The original is Python: configparser, then one outer pair of double quotes
// off. RawConfigParser is used because an interpolating one refuses every %
// that is not doubled, and could not read the original's own files either.
func TestPythonReadsWhatWeWrite(t *testing.T) {
	t.Parallel()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: its configparser cannot be asked")
	}
	const program = `
import configparser, sys
for path in sys.argv[1:]:
    p = configparser.RawConfigParser()
    p.read(path, encoding="utf-8")
    v = p["DEFAULT"]["CONSUMER_KEY"]
    if len(v) >= 2 and v[0] == v[-1] == '"':
        v = v[1:-1]
    assert p["DEFAULT"]["consumer_secret"] == "second", p["DEFAULT"]["consumer_secret"]
    sys.stdout.buffer.write(v.encode() + b"\0")
`
	args := []string{"-c", program}
	for _, secret := range awkward {
		c := good(t, "")
		if err := c.SaveAPI(secret, "second"); err != nil {
			t.Fatal(err)
		}
		args = append(args, c.APIFile)
	}
	out, err := exec.CommandContext(t.Context(), python, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("Python: %v\n%s", err, out)
	}
	for i, got := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if got != awkward[i] {
			t.Errorf("Python reads %q, want %q", got, awkward[i])
		}
	}
}

func TestTokenFilesOfTheOriginal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in, key, secret, warning string }{
		{"quoted, as the original's", "[DEFAULT]\nconsumer_key = \"abc\"\nconsumer_secret = \"d=e\"\n", "abc", "d=e", ""},
		{"capitals, bare", "[DEFAULT]\r\nCONSUMER_KEY=abc\r\nCONSUMER_SECRET=def\r\n", "abc", "def", ""},
		{"None is unset", "CONSUMER_KEY = None\nCONSUMER_SECRET = None\n", "", "", ""},
		{"pasted blanks", "CONSUMER_KEY = abc \t\nCONSUMER_SECRET = def\n", "abc", "def", "CONSUMER_KEY: blanks after the value were taken off"},
		{"pasted blanks in quotes", "CONSUMER_KEY = \" abc\"\nCONSUMER_SECRET = def\n", " abc", "def", "CONSUMER_KEY: the blanks within the quotes"},
		{"misspelt", "CONSUMER_KEYS = abc\nCONSUMER_SECRET = def\n", "", "def", "unknown key consumer_keys: did you mean CONSUMER_KEY?"},
		{"secret without a name", "CONSUMER_KEY = abc\nCONSUMER_SECRET = def\nGEHEIMgeheimGEHEIM==\n", "abc", "def", "1 key(s) other than CONSUMER_KEY and CONSUMER_SECRET are not read"},
		{"byte order mark", "\ufeffCONSUMER_KEY = abc\nCONSUMER_SECRET = def", "abc", "def", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "config_twitter_api.ini", tt.in)
			c, err := Load(Source{Path: write(t, dir, "config.ini", "")})
			if err != nil || c.Credentials != (Credentials{ConsumerKey: tt.key, ConsumerSecret: tt.secret}) {
				t.Fatalf("Load = %+v, %v, want %q, %q", c.Credentials, err, tt.key, tt.secret)
			}
			said := strings.Join(c.Warnings, "\n")
			if tt.warning == "" && said != "" {
				t.Errorf("warnings %q, want none", said)
			}
			wantText(t, "the warnings", said, tt.warning)
			if strings.Contains(strings.ToLower(said), "geheim") {
				t.Errorf("a secret is shown: %q", said)
			}
		})
	}
}

func TestBadTokenFileShowsNoSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "config_twitter_oauth.ini", "geheim\n[geheim]\nOAUTH_TOKEN = 1\n[DEFAULT]\nOAUTH_TOKEN = geheim\x01\n")
	_, err := Load(Source{Path: write(t, dir, "config.ini", "")})
	if err == nil || strings.Contains(err.Error(), "geheim") {
		t.Fatalf("Load = %v, want an error without the secret", err)
	}
	wantText(t, "the error", err.Error(), "line 1: neither", "line 2: (not shown): all keys stand in [DEFAULT]", "OAUTH_TOKEN: (secret): no control characters")
}

func TestCredentialsFromTheEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "config_twitter_api.ini", "CONSUMER_KEY = file\nCONSUMER_SECRET = file\n")
	path := write(t, dir, "config.ini", "")
	c, err := Load(Source{Path: path, Environ: []string{
		"TWITTER_STREAM_CONSUMER_KEY= env\n",
		"TWITTER_STREAM_OAUTH_TOKEN_FILE=" + write(t, dir, "token", "from a file\r\n"),
		"TWITTER_STREAM_OAUTH_TOKEN_SECRET=env", "TWITTER_STREAM_OAUTH_TOKEN_SECRET_FILE=/nowhere/at/all",
	}})
	want := Credentials{ConsumerKey: "env", ConsumerSecret: "file", OAuthToken: "from a file", OAuthTokenSecret: "env"}
	if err != nil || c.Credentials != want {
		t.Errorf("Load = %+v, %v, want %+v", c.Credentials, err, want)
	}
	if len(c.Warnings) != 1 {
		t.Errorf("warnings %q, want one about the blanks", c.Warnings)
	}
	if got := c.OverriddenBy("oauth_token"); got != "TWITTER_STREAM_OAUTH_TOKEN_FILE" {
		t.Errorf("OverriddenBy(oauth_token) = %q", got)
	}
	if err := c.CanSaveAPI(); err == nil || !strings.Contains(err.Error(), "environment: TWITTER_STREAM_CONSUMER_KEY: unset it") {
		t.Errorf("CanSaveAPI = %v, want it to name the variable", err)
	}
	if _, err := Load(Source{Path: path, Environ: []string{"TWITTER_STREAM_OAUTH_TOKEN_FILE=/nowhere/at/all"}}); err == nil {
		t.Error("a missing _FILE was taken")
	}
	if c, err := Load(Source{Path: path, NoCredentials: true, Environ: []string{"TWITTER_STREAM_CONSUMER_KEY=x"}}); err != nil || c.Credentials != (Credentials{}) {
		t.Errorf("NoCredentials: %+v, %v", c.Credentials, err)
	}
}

func TestSavedFileIsPrivateAndBehindItsLink(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("modes and links are Unix's")
	}
	c := good(t, "")
	elsewhere := write(t, t.TempDir(), "real.ini", "old")
	if err := os.Chmod(elsewhere, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(elsewhere, c.APIFile); err != nil {
		t.Fatal(err)
	}
	if err := c.SaveAPI("a", "b"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(elsewhere)
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() < 10 {
		t.Errorf("the link's target: %v, %v, want mode 0600 and the new content", info, err)
	}
	if link, err := os.Readlink(c.APIFile); err != nil || link != elsewhere {
		t.Errorf("the link is now %q, %v", link, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(elsewhere), ".*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestLeftoversOfAKilledProcessAreRemoved(t *testing.T) {
	t.Parallel()
	c := good(t, "")
	old := write(t, c.Dir, ".config_twitter_api.ini.new-1", "CONSUMER_KEY = geheim\n")
	young := write(t, c.Dir, ".config_twitter_api.ini.new-2", "another process's\n")
	hourAgo := time.Now().Add(-time.Hour)
	if err := os.Chtimes(old, hourAgo, hourAgo); err != nil {
		t.Fatal(err)
	}
	if err := c.SaveAPI("a", "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the old one: %v, want it gone", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("the young one: %v, want it there", err)
	}
}

func TestLinkToNothingYet(t *testing.T) {
	t.Parallel()
	c := good(t, "")
	elsewhere := filepath.Join(t.TempDir(), "later.ini")
	if err := os.Symlink(elsewhere, c.OAuthFile); err != nil {
		t.Skipf("no links here: %v", err)
	}
	if err := c.SaveOAuth("a", "b"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(elsewhere); err != nil {
		t.Error(err)
	}
	if err := os.Symlink("loop", filepath.Join(c.Dir, "loop")); err != nil {
		t.Fatal(err)
	}
	if _, err := target(filepath.Join(c.Dir, "loop")); err == nil {
		t.Error("a link to itself was followed to somewhere")
	}
}

func TestLooseModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("modes are Unix's")
	}
	dir := t.TempDir()
	loose := []string{
		write(t, dir, "config_twitter_api.ini", "CONSUMER_KEY = a\n"),
		write(t, dir, "config.ini", "upload_url = https://node.example/\nupload_token = x\nconfig_twitter_oauth_filename = oauth file.ini\n"),
		write(t, dir, "oauth file.ini", "OAUTH_TOKEN = a\n"),
	}
	for _, path := range loose {
		if err := os.Chmod(path, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Load(Source{Path: loose[1]})
	if err != nil || len(c.Warnings) != 3 {
		t.Fatalf("Load = %v, warnings %q, want three", err, c.Warnings)
	}
	wantText(t, "the warnings", strings.Join(c.Warnings, "\n"),
		loose[0]+" holds secrets and others may read it (mode 0640): chmod 600 "+loose[0],
		"chmod 600 "+loose[1], "chmod 600 '"+loose[2]+"'")
}

func TestCanSave(t *testing.T) {
	t.Parallel()
	c := good(t, "config_twitter_api_filename = no/such/dir/api.ini\n")
	if err := c.CanSaveAPI(); err == nil || !strings.Contains(err.Error(), c.APIFile+": cannot be written: ") {
		t.Errorf("CanSaveAPI = %v, want it to name the file", err)
	}
	if err := c.SaveAPI("a", "b"); err == nil || c.Credentials.ConsumerKey != "" {
		t.Errorf("SaveAPI = %v, credentials %+v", err, c.Credentials)
	}
	if err := c.CanSaveOAuth(); err != nil {
		t.Errorf("CanSaveOAuth = %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.Dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	if err := c.SaveOAuth("two\nlines", "b"); err == nil || strings.Contains(err.Error(), "two") {
		t.Errorf("SaveOAuth of two lines = %v", err)
	}
}

func TestChildEnviron(t *testing.T) {
	t.Parallel()
	base := []string{
		"PATH=/bin", "HTTPS_PROXY=http://p:1", "TWITTER_STREAM_CONSUMER_KEY=a", "TWITTER_STREAM_OAUTH_TOKEN_SECRET_FILE=/b",
		"TWITTER_STREAM_UPLOAD_TOKEN=c", "TWITTER_STREAM_UPLOAD_URL=http://old/",
		"AWS_SECRET_ACCESS_KEY=e", "TWITTER_STREAM_S3_SECRET_KEY_FILE=/f",
	}
	flags := map[string]string{"upload_url": "http://new/", "warn": "0", "upload_token": "d"}
	for _, tt := range []struct {
		name    string
		in      Secrets
		secrets string
		want    string
	}{
		{"grabber", Secrets{Stream: true}, "TWITTER_STREAM_CONSUMER_KEY=a TWITTER_STREAM_OAUTH_TOKEN_SECRET_FILE=/b", "PATH=/bin HTTPS_PROXY=http://p:1 TWITTER_STREAM_CONSUMER_KEY=a TWITTER_STREAM_OAUTH_TOKEN_SECRET_FILE=/b TWITTER_STREAM_UPLOAD_URL=http://new/ TWITTER_STREAM_WARN=0"},
		{"uploader with buckets", Secrets{UploadToken: true, Storage: true}, "TWITTER_STREAM_UPLOAD_TOKEN=c", "PATH=/bin HTTPS_PROXY=http://p:1 AWS_SECRET_ACCESS_KEY=e TWITTER_STREAM_S3_SECRET_KEY_FILE=/f TWITTER_STREAM_UPLOAD_TOKEN=d TWITTER_STREAM_UPLOAD_URL=http://new/ TWITTER_STREAM_WARN=0"},
		{"uploader", Secrets{UploadToken: true}, "TWITTER_STREAM_UPLOAD_TOKEN=c", "PATH=/bin HTTPS_PROXY=http://p:1 TWITTER_STREAM_UPLOAD_TOKEN=d TWITTER_STREAM_UPLOAD_URL=http://new/ TWITTER_STREAM_WARN=0"},
	} {
		_, secrets, _ := strings.Cut(strings.Join(ChildEnviron(base, nil, tt.in), " "), "http://p:1 ")
		want := tt.secrets + " TWITTER_STREAM_UPLOAD_URL=http://old/"
		if tt.in.Storage {
			want += " AWS_SECRET_ACCESS_KEY=e TWITTER_STREAM_S3_SECRET_KEY_FILE=/f"
		}
		if secrets != want {
			t.Errorf("%s: ChildEnviron without flags\ngot  %s\nwant %s", tt.name, secrets, want)
		}
		if got := strings.Join(ChildEnviron(base, flags, tt.in), " "); got != tt.want {
			t.Errorf("%s: ChildEnviron\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestCredentialFilesNamesThoseOfTheEnvironment(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := write(t, dir, "config.ini", "[DEFAULT]\n")
	write(t, dir, "token", "from a file\n")
	c, err := Load(Source{Path: path, Environ: []string{"TWITTER_STREAM_OAUTH_TOKEN_FILE=token"}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{c.APIFile, c.OAuthFile, filepath.Join(dir, "token")}
	if got := c.CredentialFiles(); !slices.Equal(got, want) || c.Credentials.OAuthToken != "from a file" {
		t.Errorf("files %q, token %q; want %q", got, c.Credentials.OAuthToken, want)
	}
}
