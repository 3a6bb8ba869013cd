package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

func TestDefaults(t *testing.T) {
	t.Parallel()
	c := good(t, "")
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"grabber_cut_size", c.CutBytes, int64(1 << 20)},
		{"grabber_storage_directory", c.StoreDir, filepath.Join(c.Dir, "store")},
		{"grabber_temp_file", c.WorkingName, "grabber.dat"},
		{"grabber_retries", c.GrabberRetries, 2},
		{"stream_url", c.StreamURL, "https://stream.twitter.com/1.1/statuses/sample.json"},
		{"request_token_url", c.RequestTokenURL, "https://api.twitter.com/oauth/request_token"},
		{"authorize_url", c.AuthorizeURL, "https://api.twitter.com/oauth/authorize?oauth_token="},
		{"access_token_url", c.AccessTokenURL, "https://api.twitter.com/oauth/access_token"},
		{"config_twitter_api_filename", c.APIFile, filepath.Join(c.Dir, "config_twitter_api.ini")},
		{"config_twitter_oauth_filename", c.OAuthFile, filepath.Join(c.Dir, "config_twitter_oauth.ini")},
		{"upload_url", c.UploadURL, "http://node2.storj.io/api/upload"},
		{"upload_retries", c.UploadRetries, 5},
		{"tweet_file_prefix", c.Prefix, "Sodefaksd231-"},
		{"log_directory", c.LogDir, filepath.Join(c.Dir, "logs")},
		{"warn", c.Warn, true},
		{"stream_auth", c.StreamAuth, "oauth1"},
		{"grabber_cut_interval", c.CutInterval, 15 * time.Minute},
		{"grabber_max_message", c.MaxMessage, 16 << 20},
		{"grabber_backoff_network", c.BackoffNetwork, Span{250 * time.Millisecond, 16 * time.Second}},
		{"grabber_backoff_http", c.BackoffHTTP, Span{5 * time.Second, 320 * time.Second}},
		{"grabber_backoff_rate_limit", c.BackoffRateLimit, Span{time.Minute, 960 * time.Second}},
		{"store_min_free", c.MinFree, int64(64 << 20)},
		{"store_max", c.MaxStore, int64(0)},
		{"restart_backoff", c.RestartBackoff, Span{time.Second, 5 * time.Minute}},
		{"log_max_size", c.LogMaxSize, int64(10 << 20)},
		{"allow_insecure", c.AllowInsecure, false},
	} {
		if tt.got != tt.want {
			t.Errorf("default of %s = %v, want %v", tt.name, tt.got, tt.want)
		}
	}
	if len(c.Warnings) > 0 {
		t.Errorf("the defaults warn: %q", c.Warnings)
	}
	if n := len(originalKeys()); n != 15 {
		t.Errorf("%d keys of the original, want 15", n)
	}
}

// The original was run by Python's configparser, which writes lower case and
// takes any.
func TestSpellingOfTheOriginal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, in string }{
		{"lower case", "[DEFAULT]\ngrabber_cut_size = 7\n"},
		{"upper case", "[DEFAULT]\nGRABBER_CUT_SIZE = 7\n"},
		{"no section", "Grabber_Cut_Size=7"},
		{"colon", "[DEFAULT]\ngrabber_cut_size: 7\n"},
		{"CRLF", "[DEFAULT]\r\ngrabber_cut_size = 7\r\n"},
		{"byte order mark", "\ufeff[DEFAULT]\ngrabber_cut_size = 7\n"},
		{"byte order mark, no section", "\ufeffgrabber_cut_size = 7\n"},
		{"comments", "# a\n; b = c\n[DEFAULT]\n  # d\ngrabber_cut_size = 7\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if c := good(t, tt.in); c.CutBytes != 7<<10 || len(c.Warnings) > 0 {
				t.Errorf("Load(%q): CutBytes = %d, warnings %q; want %d, none", tt.in, c.CutBytes, c.Warnings, 7<<10)
			}
		})
	}
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	path := write(t, t.TempDir(), "config.ini", "upload_retries = 1\n")
	variable := []string{"TWITTER_STREAM_UPLOAD_RETRIES=2"}
	flag := map[string]string{"upload_retries": "3"}
	for _, tt := range []struct {
		name string
		in   Source
		want int
	}{
		{"file over default", Source{Path: path}, 1},
		{"environment over file", Source{Path: path, Environ: variable}, 2},
		{"last of two variables", Source{Path: path, Environ: append(variable, "TWITTER_STREAM_UPLOAD_RETRIES=7")}, 7},
		{"empty variable is not set", Source{Path: path, Environ: []string{"TWITTER_STREAM_UPLOAD_RETRIES="}}, 1},
		{"flag over environment", Source{Path: path, Environ: variable, Flags: flag}, 3},
	} {
		c, err := Load(tt.in)
		if err != nil || c.UploadRetries != tt.want {
			t.Errorf("%s: Load = %d, %v, want %d", tt.name, c.UploadRetries, err, tt.want)
		}
	}
}

func TestOverriddenBy(t *testing.T) {
	t.Parallel()
	c := good(t, "warn = 1\n", "TWITTER_STREAM_WARN=0", "TWITTER_STREAM_OAUTH_TOKEN=x")
	for key, want := range map[string]string{
		"warn": "TWITTER_STREAM_WARN", "oauth_token": "TWITTER_STREAM_OAUTH_TOKEN", "oauth_token_secret": "", "stream_url": "",
	} {
		if got := c.OverriddenBy(key); got != want {
			t.Errorf("OverriddenBy(%q) = %q, want %q", key, got, want)
		}
	}
}

func TestAllProblemsInOneRun(t *testing.T) {
	t.Parallel()
	path := write(t, t.TempDir(), "config.ini", "grabber_cut_size = big\nupload_token = geheim\x01\nno key here\nstream_url = ftp://me:pass@x/\n[other]\nwarn = 1\n")
	_, err := Load(Source{Path: path, Environ: []string{"TWITTER_STREAM_UPLOAD_BACKOFF=60s-1s"}, Flags: map[string]string{"log_max_files": "0"}})
	var problems Errors
	if !errors.As(err, &problems) || len(problems) != 7 {
		t.Fatalf("Load = %v, want 7 problems", err)
	}
	if got := exitcode.Of(err); got != exitcode.Config {
		t.Errorf("exit code %d, want %d", got, exitcode.Config)
	}
	wantText(t, "the error", err.Error(),
		path+": line 3: neither",
		path+": line 5: section [other]: all keys stand in [DEFAULT]",
		path+": grabber_cut_size: big: a whole number from 1 to 1048576, in KiB",
		path+": stream_url: ftp://x/: the URL of a stream: jetstream wss://",
		path+": upload_token: (secret): no control characters",
		"environment: TWITTER_STREAM_UPLOAD_BACKOFF: 60s-1s: the first and the longest wait",
		"flag: log_max_files: 0: a whole number from 1 to 1000")
	if lines := strings.Count(err.Error(), "\n") + 1; lines != 7 {
		t.Errorf("%d lines for 7 problems:\n%v", lines, err)
	}
	for _, secret := range []string{"geheim", "pass"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows %q: %v", secret, err)
		}
	}
}

func TestWholeFileProblems(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, tt := range []struct{ name, path, want string }{
		{"missing", filepath.Join(dir, "none.ini"), "there is no such file: copy"},
		{"directory", dir, "is no regular file"},
		{"too large", write(t, dir, "large.ini", strings.Repeat("#", maxFile+1)), "is larger than 1 MiB"},
		{"UTF-16", write(t, dir, "utf16.ini", "\xff\xfe[\x00D\x00"), "is UTF-16: save it as UTF-8"},
		{"twice", write(t, dir, "twice.ini", "warn = 1\nWARN = 0\n"), "line 2: warn: each key once"},
		{"continued", write(t, dir, "more.ini", "warn = 1\n  continued\n"), "line 2: neither"},
	} {
		_, err := Load(Source{Path: tt.path})
		if err == nil {
			t.Errorf("%s: Load gave no error", tt.name)
			continue
		}
		wantText(t, tt.name, err.Error(), tt.path+": "+tt.want)
	}
}

func TestOneMiBOfGarbage(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"x\n", "\x00\xff=\n", "k%d = 1\n", "[s]\n", "`a=b\n", "\"\"\"\n", strings.Repeat("=", 1<<10), "a = `\n"} {
		content := strings.Repeat(unit, maxFile/len(unit))
		_, err := load(t, content)
		if err == nil {
			t.Errorf("1 MiB of %q loaded", unit)
			continue
		}
		if n := strings.Count(err.Error(), "\n"); n > 2*maxReported {
			t.Errorf("1 MiB of %q: %d lines of errors", unit, n)
		}
	}
}

func TestUnknownKeysAndVariables(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, variable, want string }{
		{"misspelt", "graber_cut_size = 3\n", "", "unknown key graber_cut_size: did you mean grabber_cut_size?"},
		{"swapped", "wran = 1\n", "", "unknown key wran: did you mean warn?"},
		{"like nothing", "xyzzy = 1\n", "", "unknown key xyzzy"},
		{"credential", "consumer_key = 1\n", "", "it belongs in the file that config_twitter_api_filename names"},
		{"variable", "", "TWITTER_STREAM_STREAMURL=x", "unknown variable TWITTER_STREAM_STREAMURL: did you mean TWITTER_STREAM_STREAM_URL?"},
		{"secret's variable", "", "TWITTER_STREAM_CONSUMERKEY=x", "did you mean TWITTER_STREAM_CONSUMER_KEY?"},
		{"lower case", "", "TWITTER_STREAM_warn=0", "did you mean"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.name == "lower case" {
				tt.want = "unknown variable TWITTER_STREAM_warn"
			}
			c := good(t, tt.content, tt.variable)
			if len(c.Warnings) != 1 {
				t.Fatalf("warnings %q, want one", c.Warnings)
			}
			wantText(t, "warning", c.Warnings[0], tt.want)
		})
	}
	c := good(t, "", "TWITTER_STREAM_DAEMON_PID=1", "TWITTER_STREAM_TEST_DATA=x", "TWITTER_STREAM_CONSUMER_KEY=k", "HOME=/", "broken")
	if len(c.Warnings) > 0 {
		t.Errorf("warnings of known variables: %q", c.Warnings)
	}
}

func TestWarningsStandBesideErrors(t *testing.T) {
	t.Parallel()
	c, err := load(t, "graber_cut_size = 3\nwarn = perhaps\n")
	if err == nil || c == nil || len(c.Warnings) != 1 {
		t.Errorf("Load = %+v, %v, want an error and one warning", c, err)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	c := good(t, "grabber_storage_directory = ../x/store\nlog_directory = /var/log/ts/\n")
	if want := filepath.Join(filepath.Dir(c.Dir), "x", "store"); c.StoreDir != want {
		t.Errorf("StoreDir = %q, want %q", c.StoreDir, want)
	}
	if c.LogDir != "/var/log/ts" {
		t.Errorf("LogDir = %q", c.LogDir)
	}
}

func TestFIFODoesNotBlock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config.ini")
	if err := makeFIFO(path); err != nil {
		t.Skipf("no FIFO can be made here: %v", err)
	}
	if _, err := Load(Source{Path: path}); err == nil {
		t.Error("a FIFO loaded")
	}
}

func TestMissingFileIsNamedOnce(t *testing.T) {
	t.Parallel()
	_, err := Load(Source{Path: filepath.Join(t.TempDir(), "config.ini")})
	if errors.Is(err, fs.ErrNotExist) || err == nil || strings.Count(err.Error(), "\n") != 0 {
		t.Errorf("Load = %v, want one line", err)
	}
}

func TestDevNullIsAllDefaults(t *testing.T) {
	t.Parallel()
	if _, err := Load(Source{Path: os.DevNull, NoCredentials: true}); err != nil {
		t.Error(err)
	}
}
