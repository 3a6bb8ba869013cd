package sandbox

import (
	"net/url"
	"testing"
)

// The first three signatures are those of Twitter's documentation of different
// years, the fourth was computed by an independent program.
func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	update := []param{{"include_entities", "true"}, {"status", "Hello Ladies + Gentlemen, a signed OAuth request!"}}
	for _, tt := range []struct {
		name, method, uri string
		params            []param
		want              string
	}{
		{"x.com", "POST", "https://api.x.com/1.1/statuses/update.json", update, "Ls93hJiZbQ3akF3HF3x1Bz8/zU4="},
		{"twitter.com 1.1", "POST", "https://api.twitter.com/1.1/statuses/update.json", update, "hCtSmYh+iHYCEqBWrE7C7hYmtUk="},
		{"twitter.com 1", "post", "https://api.twitter.com/1/statuses/update.json", update, "tnnArxj06cWHq44gCs1OSKk/jLY="},
		{"stream", "GET", "https://stream.twitter.com/1.1/statuses/sample.json",
			[]param{{"stall_warnings", "true"}, {"delimited", "length"}}, "rSTl5Y8mRrYqVdesqiaVjwglHWw="},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			params := append([]param{
				{"oauth_consumer_key", "xvz1evFS4wEEPTGEFPHBog"}, {"oauth_nonce", "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg"},
				{"oauth_signature_method", "HMAC-SHA1"}, {"oauth_timestamp", "1318622958"},
				{"oauth_token", "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb"}, {"oauth_version", "1.0"},
			}, tt.params...)
			base := baseString(tt.method, tt.uri, params)
			got := hmacSHA1(base, "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw", "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE")
			if got != tt.want {
				t.Errorf("signature of %s = %s, want %s", base, got, tt.want)
			}
		})
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"azAZ09-._~", "azAZ09-._~"}, {"a b+c", "a%20b%2Bc"}, {"!*'()", "%21%2A%27%28%29"},
		{"\u2603", "%E2%98%83"}, {"%/\x00", "%25%2F%00"}, {"", ""},
	} {
		if got := escape(tt.in); got != tt.want {
			t.Errorf("escape(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestHeaderParams(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     int
		ok       bool
	}{
		{"none", "", 0, true},
		{"another scheme", "Bearer abc", 0, true},
		{"two", `OAuth a="1", b="2%2B"`, 2, true},
		{"scheme in capitals", `OAUTH a="1"`, 1, true},
		{"not quoted", `OAuth a=1`, 0, false},
		{"twice", `OAuth a="1", a="2"`, 0, false},
		{"bad escape", `OAuth a="%zz"`, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := headerParams(tt.in)
			if len(got) != tt.want || (err == nil) != tt.ok {
				t.Errorf("headerParams(%q) = %v, %v; want %d of them, ok %v", tt.in, got, err, tt.want, tt.ok)
			}
		})
	}
}

func FuzzHeaderParams(f *testing.F) {
	f.Add(`OAuth realm="x", oauth_nonce="a%20b"`)
	f.Fuzz(func(t *testing.T, header string) {
		params, err := headerParams(header)
		if err != nil {
			return
		}
		for _, p := range params {
			if back, err := url.PathUnescape(escape(p.value)); err != nil || back != p.value {
				t.Errorf("escape(%q) = %q, back %q, %v", p.value, escape(p.value), back, err)
			}
		}
	})
}
