package config

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

const xStream = "stream_url = https://api.x.com/2/tweets/search/stream\n"

// xConfig loads a configuration of an X stream beside an application's key.
func xConfig(t *testing.T, dir, api, more string, environ ...string) *Config {
	t.Helper()
	write(t, dir, "config_twitter_api.ini", api)
	c, err := Load(Source{Path: write(t, dir, "config.ini", xStream+more), Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const oneKey = "# mine\n[DEFAULT]\nCONSUMER_KEY = key\nCONSUMER_SECRET = secret\n"

func TestFetchedTokenIsKeptForItsKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := xConfig(t, dir, oneKey, "")
	const token = "AAAA%2Fb%3D;#%(x)s"
	if err := c.SaveBearer(token); err != nil || c.Credentials.FetchedBearer != token {
		t.Fatalf("SaveBearer: %v, %+v", err, c.Credentials)
	}
	info, err := os.Stat(c.BearerFile())
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v, want 0600", info.Mode(), err)
	}
	if data, _ := os.ReadFile(c.APIFile); string(data) != oneKey {
		t.Errorf("the user's file is now %q", data)
	}
	again := xConfig(t, dir, oneKey, "")
	if again.Credentials.FetchedBearer != token || again.Credentials.BearerToken != "" || len(again.Warnings) > 0 {
		t.Errorf("loaded %+v, %q", again.Credentials, again.Warnings)
	}
	if other := xConfig(t, dir, strings.Replace(oneKey, "= secret", "= regenerated", 1), ""); other.Credentials.FetchedBearer != "" {
		t.Error("the token of another key is used")
	}
	v1 := xConfig(t, dir, oneKey, "")
	if v1.Credentials.FetchedBearer == "" {
		t.Error("the token is gone")
	}
	if err := v1.SaveBearer(""); err != nil || v1.Credentials.FetchedBearer != "" {
		t.Errorf("forgetting: %v", err)
	}
	if err := v1.SaveBearer(""); err != nil {
		t.Errorf("forgetting twice: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*bearer*")); len(left) > 0 {
		t.Errorf("left %q", left)
	}
}

func TestDamagedTokenIsFetchedAgain(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "geheim", "BEARER_TOKEN = \"geheim\"\n", "BEARER_TOKEN = geheim\nBEARER_TOKEN_OF = x\n", strings.Repeat("x", 2<<20), "\xff\xfex"} {
		dir := t.TempDir()
		write(t, dir, "config_twitter_api.ini.bearer", text)
		c := xConfig(t, dir, oneKey, "")
		if c.Credentials.FetchedBearer != "" || strings.Contains(strings.Join(c.Warnings, " "), "geheim") {
			t.Errorf("%.40q: %q, %q", text, c.Credentials.FetchedBearer, c.Warnings)
		}
	}
}

func TestGivenBearer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := write(t, dir, "token", "from-file\n")
	for _, tt := range []struct {
		name, api, ini, environ, want string
	}{
		{"none", oneKey, "", "", ""},
		{"in the file", oneKey + "BEARER_TOKEN = a%2Fb\n", "", "", "a%2Fb"},
		{"in the environment", oneKey + "BEARER_TOKEN = a\n", "", "TWITTER_STREAM_BEARER_TOKEN=b", "b"},
		{"in a file of the environment", oneKey, "", "TWITTER_STREAM_BEARER_TOKEN_FILE=" + file, "from-file"},
		{"as stream_token", oneKey + "BEARER_TOKEN = a\n", "stream_token = c\n", "", "c"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := xConfig(t, t.TempDir(), tt.api, tt.ini, tt.environ)
			if c.GivenBearer() != tt.want || c.StreamAuth != "bearer" {
				t.Errorf("%q by %s, want %q", c.GivenBearer(), c.StreamAuth, tt.want)
			}
			if err := c.CanSaveBearer(); (err != nil) != (tt.want != "") || err != nil && tt.want != "c" && strings.Contains(err.Error(), tt.want+" ") {
				t.Errorf("CanSaveBearer = %v", err)
			}
			if tt.environ == "" {
				return
			}
			if err := c.CanSaveAPI(); err != nil {
				t.Errorf("a token in the environment keeps the key from being saved: %v", err)
			}
		})
	}
}

// A person's token survives that a key is saved beside it.
func TestSaveAPIKeepsTheToken(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := xConfig(t, dir, "BEARER_TOKEN = mine%2F\n", "")
	if err := c.SaveAPI("k", "s"); err != nil {
		t.Fatal(err)
	}
	again, err := Load(Source{Path: c.Path})
	if err != nil || again.Credentials.BearerToken != "mine%2F" || again.Credentials.ConsumerSecret != "s" {
		t.Errorf("loaded %+v, %v", again.Credentials, err)
	}
}

func TestStallTimeoutOfX(t *testing.T) {
	t.Parallel()
	for ini, want := range map[string]time.Duration{
		xStream: 30 * time.Second,
		xStream + "grabber_stall_timeout = 90s\n":                                   90 * time.Second,
		"stream_url = https://stream.twitter.com/1.1/statuses/sample.json\n":        90 * time.Second,
		"stream_url = https://proxy.example/x\nstream_kind = x\nstream_token = t\n": 30 * time.Second,
	} {
		if c := good(t, ini); c.StallTimeout != want {
			t.Errorf("%q: %v, want %v", ini, c.StallTimeout, want)
		}
	}
}

// The key is sent to a host that is none of X's only where the user says that
// this is X.
func TestKeyGoesToXAlone(t *testing.T) {
	t.Parallel()
	for ini, want := range map[string]string{
		xStream: "bearer",
		"stream_url = http://127.0.0.1:1/2/tweets/search/stream\n":                "bearer",
		"stream_url = https://elsewhere.example/2/x/stream\n":                     "none",
		"stream_url = https://elsewhere.example/2/x/stream\nstream_kind = x\n":    "bearer",
		"stream_url = https://elsewhere.example/2/x/stream\nstream_auth=bearer\n": "bearer",
	} {
		if c := good(t, ini); c.StreamAuth != want {
			t.Errorf("%q: %s, want %s", ini, c.StreamAuth, want)
		}
	}
	if _, err := load(t, "stream_url = http://elsewhere.example/2/x/stream\nstream_kind = x\n"); err == nil {
		t.Error("a token goes over plain http to another machine")
	}
}

func TestMoney(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "1": 1e9, "0.005": 5e6, "100.25": 100_250_000_000, "0.000000001": 1, "999999999.999999999": 999_999_999_999_999_999,
		"": -1, "-1": -1, "1e3": -1, "0.0000000001": -1, "1 EUR": -1, "$1": -1, ".5": -1, "1.": -1, "1,5": -1,
	} {
		got, err := money(text)
		if (err != nil) != (want < 0) || err == nil && got != want {
			t.Errorf("money(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for ini, problem := range map[string]string{
		"stream_budget = 1\n":                         "no stream_price",
		"stream_price = 2\nstream_budget = 1\n":       "no less than stream_price",
		"stream_price = 0.005\nstream_budget = 100\n": "",
	} {
		_, err := load(t, xStream+ini)
		if (err != nil) != (problem != "") || err != nil && !strings.Contains(err.Error(), problem) {
			t.Errorf("%q: %v, want %q", ini, err, problem)
		}
	}
	other := good(t, "stream_url = https://example.org/x\nstream_price = 1\n")
	wantText(t, "the warnings", strings.Join(other.Warnings, "\n"), "stream_price is of use with X alone")
}
