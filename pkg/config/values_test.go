package config

import (
	"strings"
	"testing"
	"time"
)

func TestValues(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		key, in string
		of      func(*Config) any
		want    any // nil: refused
	}{
		{"grabber_cut_size", "1048576", func(c *Config) any { return c.CutBytes }, int64(1 << 30)},
		{"grabber_cut_size", "0", nil, nil},
		{"grabber_cut_size", "1MiB", nil, nil},
		{"grabber_cut_size", "", nil, nil},
		{"grabber_retries", "0", func(c *Config) any { return c.GrabberRetries }, 0},
		{"grabber_retries", "-1", nil, nil},
		{"upload_retries", "0", nil, nil},
		{"upload_retries", "99999999999999999999", nil, nil},
		{"store_max", "1500", func(c *Config) any { return c.MaxStore }, int64(1500)},
		{"store_max", "2 gib", func(c *Config) any { return c.MaxStore }, int64(2 << 30)},
		{"store_max", "1.5GiB", nil, nil},
		{"store_max", "1GB", nil, nil},
		{"store_max", "9999999999GiB", nil, nil},
		{"grabber_max_message", "3KiB", func(c *Config) any { return c.MaxMessage }, 3 << 10},
		{"grabber_max_message", "1", nil, nil},
		{"grabber_max_message", "64MiB", func(c *Config) any { return c.MaxMessage }, 64 << 20},
		{"grabber_max_message", "67108865", nil, nil},
		{"grabber_max_message", "4GiB", nil, nil},
		{"grabber_cut_interval", "0", func(c *Config) any { return c.CutInterval }, time.Duration(0)},
		{"grabber_cut_interval", "1h30m", func(c *Config) any { return c.CutInterval }, 90 * time.Minute},
		{"grabber_cut_interval", "15", nil, nil},
		{"grabber_cut_interval", "-1s", nil, nil},
		{"grabber_stall_timeout", "0", nil, nil},
		{"heartbeat_timeout", "1s", nil, nil},
		{"upload_backoff", "1s - 1m", func(c *Config) any { return c.UploadBackoff }, Span{time.Second, time.Minute}},
		{"upload_backoff", "1s", nil, nil},
		{"upload_backoff", "0-1s", nil, nil},
		{"warn", "Yes", func(c *Config) any { return c.Warn }, true},
		{"warn", "OFF", func(c *Config) any { return c.Warn }, false},
		{"warn", "2", nil, nil},
		{"stream_method", "post", func(c *Config) any { return c.StreamMethod }, "POST"},
		{"stream_method", "PUT", nil, nil},
		{"stream_parameters", "track=a%20b&follow=1", func(c *Config) any { return c.StreamParameters.Get("track") }, "a b"},
		{"stream_parameters", "track=a;b", nil, nil},
		{"tweet_file_prefix", "A_b.c-", func(c *Config) any { return c.Prefix }, "A_b.c-"},
		{"tweet_file_prefix", "", nil, nil},
		{"tweet_file_prefix", ".a", nil, nil},
		{"tweet_file_prefix", "a/b", nil, nil},
		{"tweet_file_prefix", strings.Repeat("a", 65), nil, nil},
		{"grabber_temp_file", "x y.dat", func(c *Config) any { return c.WorkingName }, "x y.dat"},
		{"grabber_temp_file", "a/b", nil, nil},
		{"grabber_temp_file", ".a", nil, nil},
		{"grabber_temp_file", "Ledger", nil, nil},
		{"grabber_temp_file", "rejected", nil, nil},
		{"grabber_temp_file", "Sodefaksd231-x", nil, nil},
		{"grabber_storage_directory", "", nil, nil},
		{"grabber_storage_directory", "~/store", nil, nil},
		{"log_directory", "store", nil, nil},
		{"config_twitter_api_filename", "config.ini", nil, nil},
		{"config_twitter_api_filename", "store/api.ini", nil, nil},
		{"config_twitter_oauth_filename", "config_twitter_api.ini", nil, nil},
		{"stream_url", "None", func(c *Config) any { return c.StreamURL + c.StreamAuth }, "none"},
		{"stream_url", "stream.twitter.com/1.1", nil, nil},
		{"stream_url", "https:///1.1", nil, nil},
		{"upload_url", "none", func(c *Config) any { return c.UploadURL }, ""},
		{"request_token_url", "https://a.example/x?y=1", nil, nil},
		{"authorize_url", "https://a.example/x", func(c *Config) any { return c.AuthorizeURL }, "https://a.example/x"},
	} {
		t.Run(tt.key+"="+tt.in, func(t *testing.T) {
			t.Parallel()
			c, err := load(t, "[DEFAULT]\n"+tt.key+" = "+tt.in+"\n")
			switch {
			case tt.want == nil && err == nil:
				t.Errorf("%s = %q was taken", tt.key, tt.in)
			case tt.want == nil:
				wantText(t, "the error", err.Error(), c.Path+": "+tt.key+": ")
			case err != nil:
				t.Errorf("%s = %q: %v", tt.key, tt.in, err)
			case tt.of(c) != tt.want:
				t.Errorf("%s = %q: got %v, want %v", tt.key, tt.in, tt.of(c), tt.want)
			}
		})
	}
}

func TestNothingToDo(t *testing.T) {
	t.Parallel()
	_, err := load(t, "stream_url = none\nupload_url = none\n")
	if err == nil {
		t.Fatal("none and none was taken")
	}
	wantText(t, "the error", err.Error(), "upload_url: none: not none while stream_url is none too")
}

func TestStreamAuth(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ url, auth, want string }{
		{"https://stream.twitter.com/1.1/statuses/sample.json", "auto", "oauth1"},
		{"https://api.x.com/2/tweets/sample/stream", "auto", "bearer"},
		{"https://X.com/2/tweets/sample/stream", "auto", "bearer"},
		{"https://api.x.com/3/other", "auto", "none"},
		{"https://notx.com/1.1/statuses/sample.json", "auto", "none"},
		{"https://x.com.example/1.1/statuses/sample.json", "auto", "none"},
		{"http://127.0.0.1:1/1.1/statuses/sample.json", "auto", "oauth1"},
		{"http://[::1]:1/1.1/statuses/sample.json", "auto", "oauth1"},
		{"http://localhost/2/tweets/sample/stream", "auto", "bearer"},
		{"http://localhost/stream", "auto", "none"},
		{"https://stream.wikimedia.org/v2/stream/recentchange", "auto", "none"},
		{"https://stream.wikimedia.org/v2/stream/recentchange", "oauth1", "oauth1"},
		{"https://stream.twitter.com/1.1/statuses/sample.json", "none", "none"},
		{"https://api.x.com/2/x", "Bearer", "bearer"},
	} {
		c := good(t, "stream_url = "+tt.url+"\nstream_auth = "+tt.auth+"\n")
		if c.StreamAuth != tt.want {
			t.Errorf("%s with %s: StreamAuth = %q, want %q", tt.url, tt.auth, c.StreamAuth, tt.want)
		}
	}
}

func TestCredentialsInTheClear(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, content, want string }{
		{"the original's node", "upload_url = http://node2.storj.io/api/upload", ""},
		{"a node with a token", "upload_token = x", "upload_url"},
		{"a node with a token over https", "upload_token = x\nupload_url = https://node.example/api/upload", ""},
		{"a node with a token on loopback", "upload_token = x\nupload_url = http://127.0.0.1:1/api/upload", ""},
		{"a node with a user", "upload_url = http://me:pass@node.example/", "upload_url"},
		{"signed", "stream_url = http://stream.twitter.com/1.1/x", "stream_url"},
		{"not signed", "stream_url = http://stream.example/1.1/x", ""},
		{"request token", "request_token_url = http://api.twitter.com/oauth/request_token", "request_token_url"},
		{"authorize", "authorize_url = http://api.twitter.com/oauth/authorize", "authorize_url"},
		{"access token", "access_token_url = http://api.twitter.com/oauth/access_token", "access_token_url"},
		{"endpoints that are not used", "stream_auth = none\naccess_token_url = http://api.twitter.com/oauth/access_token", ""},
		{"no lookalike of loopback", "upload_token = x\nupload_url = http://127.0.0.1.example/", "upload_url"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := load(t, tt.content)
			c, insecure := load(t, tt.content+"\nallow_insecure = 1\n")
			if insecure != nil {
				t.Fatalf("with allow_insecure: %v", insecure)
			}
			if tt.want == "" {
				if err != nil || len(c.Warnings) > 0 {
					t.Errorf("err %v, warnings %q, want none", err, c.Warnings)
				}
				return
			}
			if err == nil || len(c.Warnings) != 1 {
				t.Fatalf("err %v, with allow_insecure warnings %q; want one of each", err, c.Warnings)
			}
			wantText(t, "the error", err.Error(), ": "+tt.want+": http://", "https, since credentials go there (allow_insecure = 1")
			wantText(t, "the warning", c.Warnings[0], tt.want+" sends credentials over plain http")
			if strings.Contains(err.Error()+c.Warnings[0], "pass@") {
				t.Errorf("the password is shown: %v, %q", err, c.Warnings[0])
			}
		})
	}
}

func TestUserBesideSignature(t *testing.T) {
	t.Parallel()
	_, err := load(t, "stream_url = https://me:pass@stream.twitter.com/1.1/x\n")
	if err == nil || strings.Contains(err.Error(), "pass@") {
		t.Errorf("Load = %v, want an error without the password", err)
	}
}
