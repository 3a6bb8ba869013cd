package twitterauth

import (
	"bytes"
	"crypto"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/mrjones/oauth"
)

// roundTripper is a transport made of a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// sent returns what a Signer sends for a request, and its body.
func sent(t testing.TB, s http.RoundTripper, req *http.Request, caught **http.Request) (*http.Request, string) {
	t.Helper()
	resp, err := s.RoundTrip(req)
	if err != nil {
		t.Fatalf("RoundTrip(%s %s): %v", req.Method, req.URL, err)
	}
	_ = resp.Body.Close()
	body := ""
	if (*caught).Body != nil {
		b, err := io.ReadAll((*caught).Body)
		if err != nil {
			t.Fatal(err)
		}
		body = string(b)
	}
	return *caught, body
}

func catching(caught **http.Request) http.RoundTripper {
	return roundTripper(func(req *http.Request) (*http.Response, error) {
		*caught = req
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})
}

// fixed is a clock and a source of nonces; real is the library's signer below
// it. The library's nonces are numbers, the published one is not: it is put in
// where the number stands.
type fixed struct{ real signing }

type signing interface {
	Sign(message, tokenSecret string) (string, error)
	Verify(message, signature string) error
	SignatureMethod() string
	HashFunc() crypto.Hash
	Debug(bool)
}

func (fixed) Seconds() int64             { return docTimestamp }
func (fixed) Nanos() int64               { return docTimestamp * 1e9 }
func (fixed) Int63() int64               { return 4711 }
func (f fixed) Verify(m, s string) error { return f.real.Verify(m, s) }
func (f fixed) SignatureMethod() string  { return f.real.SignatureMethod() }
func (f fixed) HashFunc() crypto.Hash    { return f.real.HashFunc() }
func (f fixed) Debug(on bool)            { f.real.Debug(on) }
func (f fixed) Sign(message, tokenSecret string) (string, error) {
	return f.real.Sign(strings.Replace(message, "oauth_nonce%3D4711", "oauth_nonce%3D"+docNonce, 1), tokenSecret)
}

// inject sets an unexported field of the library's consumer: it has seams for
// its own tests only.
func inject(consumer *oauth.Consumer, name string, value any) any {
	field := reflect.ValueOf(consumer).Elem().FieldByName(name)
	field = reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem()
	old := field.Interface()
	field.Set(reflect.ValueOf(value))
	return old
}

func TestSignatureVectors(t *testing.T) {
	t.Parallel()
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			var caught *http.Request
			s := Signer(Config{Consumer: docConsumer, Transport: catching(&caught)}, docToken).(*signer)
			real := inject(s.consumer, "signer", fixed{}).(signing)
			inject(s.consumer, "signer", fixed{real})
			inject(s.consumer, "clock", fixed{})
			inject(s.consumer, "nonceGenerator", fixed{})
			req, body := sent(t, s, v.request(t), &caught)
			params := oauthParameters(t, req.Header.Get("Authorization"))
			if got := params.Get("oauth_signature"); got != v.signature {
				t.Errorf("oauth_signature = %s, want %s", got, v.signature)
			}
			if req.URL.String() != v.url || body != v.body || req.Method != v.method {
				t.Errorf("sent %s %s %q, want %s %s %q", req.Method, req.URL, body, v.method, v.url, v.body)
			}
		})
	}
}

// hard are requests that the library alone would sign wrongly.
var hard = []struct{ name, method, url, contentType, body string }{
	{"form and query", "POST", "https://h.example/1.1/x.json?a=1", formType, "b=2"},
	{"content type with a charset", "POST", "https://h.example/1.1/x.json?a=1", formType + "; charset=UTF-8", "track=%C3%BCber+alles&b=2"},
	{"escaped path", "GET", "https://h.example/1.1/a%2Fb%20c/x.json?q=1", "", ""},
	{"default port", "GET", "https://h.example:443/1.1/x.json", "", ""},
	{"default port of http", "GET", "http://127.0.0.1:80/1.1/x.json", "", ""},
	{"port", "GET", "http://127.0.0.1:8080/1.1/x.json", "", ""},
	{"capital host", "GET", "https://H.Example/1.1/x.json", "", ""},
	{"names to be escaped", "GET", "https://h.example/1.1/x.json?a%5B%5D=1&b+c=2&a=3&a%20=4", "", ""},
	{"values to be escaped", "GET", "https://h.example/1.1/x.json?a=%2B%20~%2A%26%3D%25&b=", "", ""},
	{"same name twice", "GET", "https://h.example/1.1/x.json?a=2&a=1&a=10", "", ""},
	{"another content", "POST", "https://h.example/1.1/x.json?a=1", "application/json", `{"b":2}`},
	{"no path", "GET", "https://h.example", "", ""},
}

func hardRequest(t testing.TB, i int) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), hard[i].method, hard[i].url, strings.NewReader(hard[i].body))
	if err != nil {
		t.Fatal(err)
	}
	if hard[i].body == "" {
		req.Body = nil
	}
	if hard[i].contentType != "" {
		req.Header.Set("Content-Type", hard[i].contentType)
	}
	return req
}

func TestHardRequestsAgainstTheReference(t *testing.T) {
	t.Parallel()
	for i, tt := range hard {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var caught *http.Request
			s := Signer(Config{Consumer: docConsumer, Transport: catching(&caught)}, docToken)
			req, body := sent(t, s, hardRequest(t, i), &caught)
			if body != tt.body || req.URL.String() != tt.url {
				t.Errorf("sent %s with %q, want %s with %q", req.URL, body, tt.url, tt.body)
			}
			params := oauthParameters(t, req.Header.Get("Authorization"))
			got := params.Get("oauth_signature")
			params.Del("oauth_signature")
			for name, values := range req.URL.Query() {
				params[name] = append(params[name], values...)
			}
			if strings.HasPrefix(tt.contentType, formType) {
				form, err := url.ParseQuery(tt.body)
				if err != nil {
					t.Fatal(err)
				}
				for name, values := range form {
					params[name] = append(params[name], values...)
				}
			}
			u := *req.URL
			if u.Path == "" {
				u.Path = "/"
			}
			want := reference(tt.method, &u, canonicalHost(u.Scheme, u.Host), params, docConsumer.Secret, docToken.Secret)
			if got != want {
				t.Errorf("oauth_signature = %s, want %s", got, want)
			}
		})
	}
}

// python finds an interpreter that has oauthlib.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "import oauthlib.oauth1").Run() == nil {
			return name
		}
	}
	t.Skip("no python3 with oauthlib (Debian: python3-oauthlib): signatures are not compared with it")
	return ""
}

func TestHardRequestsAgainstOauthlib(t *testing.T) {
	t.Parallel()
	const program = `
import json, sys
from oauthlib.oauth1.rfc5849 import signature
for r in json.load(sys.stdin):
    headers = {"Authorization": r["authorization"], "Content-Type": r["type"]}
    query = r["url"].partition("?")[2]
    body = r["body"] if r["type"].startswith("application/x-www-form-urlencoded") else ""
    params = signature.collect_parameters(uri_query=query, body=body, headers=headers, exclude_oauth_signature=True)
    base = signature.signature_base_string(r["method"], signature.base_string_uri(r["url"]), signature.normalize_parameters(params))
    print(signature.sign_hmac_sha1(base, sys.argv[1], sys.argv[2]))
`
	interpreter := python(t)
	type request struct {
		Authorization string `json:"authorization"`
		Type          string `json:"type"`
		URL           string `json:"url"`
		Method        string `json:"method"`
		Body          string `json:"body"`
	}
	var requests []request
	var want []string
	for i, tt := range hard {
		var caught *http.Request
		req, body := sent(t, Signer(Config{Consumer: docConsumer, Transport: catching(&caught)}, docToken), hardRequest(t, i), &caught)
		header := req.Header.Get("Authorization")
		requests = append(requests, request{header, tt.contentType, tt.url, tt.method, body})
		want = append(want, oauthParameters(t, header).Get("oauth_signature"))
	}
	input, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), interpreter, "-c", program, docConsumer.Secret, docToken.Secret)
	cmd.Stdin = bytes.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("oauthlib: %v\n%s", err, out)
	}
	for i, got := range strings.Fields(string(out)) {
		if got != want[i] {
			t.Errorf("%s: oauthlib signs %s, we %s", hard[i].name, got, want[i])
		}
	}
}

type closer struct {
	http.RoundTripper
	closed bool
}

func (c *closer) CloseIdleConnections() { c.closed = true }

func TestSignerClosesIdleConnectionsBeneath(t *testing.T) {
	t.Parallel()
	beneath := &closer{RoundTripper: http.DefaultTransport}
	(&http.Client{Transport: Signer(Config{Transport: beneath}, Token{})}).CloseIdleConnections()
	if !beneath.closed {
		t.Error("the transport beneath the signer was not told")
	}
}
