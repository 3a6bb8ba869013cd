package sandbox

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// signer signs test requests as a well-behaved client does, but for what a
// test changes in params before.
type signer struct {
	Credentials
	at     time.Time
	nonce  string
	extra  []param // more oauth_ parameters
	secret string  // overrides the token's secret
}

func defaultSigner() signer {
	return signer{Credentials: DefaultCredentials(), at: time.Now(), nonce: rand.Text()}
}

func (s signer) sign(r *http.Request, form url.Values) {
	oauth := append([]param{
		{"oauth_consumer_key", s.ConsumerKey}, {"oauth_nonce", s.nonce}, {"oauth_signature_method", "HMAC-SHA1"},
		{"oauth_timestamp", strconv.FormatInt(s.at.Unix(), 10)}, {"oauth_version", "1.0"},
	}, s.extra...)
	if s.OAuthToken != "" {
		oauth = append(oauth, param{"oauth_token", s.OAuthToken})
	}
	params := append(valuesParams(r.URL.Query()), valuesParams(form)...)
	secret := s.OAuthTokenSecret
	if s.secret != "" {
		secret = s.secret
	}
	base := baseString(r.Method, r.URL.Scheme+"://"+r.URL.Host+r.URL.Path, append(params, oauth...))
	oauth = append(oauth, param{"oauth_signature", hmacSHA1(base, s.ConsumerSecret, secret)})
	pairs := make([]string, len(oauth))
	for i, p := range oauth {
		pairs[i] = fmt.Sprintf("%s=%q", p.name, escape(p.value))
	}
	r.Header.Set("Authorization", "OAuth "+strings.Join(pairs, ", "))
}

// ask sends a signed request and returns the answer, closed with the test.
func ask(t *testing.T, s signer, method, rawURL string, form url.Values, header ...string) (*http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, rawURL, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	s.sign(r, form)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err == nil {
		t.Cleanup(func() { resp.Body.Close() })
	}
	return resp, err
}

// asked is ask where there must be an answer.
func asked(t *testing.T, s signer, method, rawURL string, form url.Values, header ...string) *http.Response {
	t.Helper()
	resp, err := ask(t, s, method, rawURL, form, header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, rawURL, err)
	}
	return resp
}

// text reads an answer to its end.
func text(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read the answer: %v", err)
	}
	return string(b)
}

// startTwitter starts one that ends with the test.
func startTwitter(t *testing.T, cfg TwitterConfig) *Twitter {
	t.Helper()
	tw, err := StartTwitter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tw.Close() })
	return tw
}

// lines reads n lines of a stream, inflating it if need be, or until it ends;
// err says how.
func lines(t *testing.T, resp *http.Response, n int) (got []string, err error) {
	t.Helper()
	var body io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(resp.Body); err != nil {
			return nil, err
		}
	}
	r := bufio.NewReader(body)
	for len(got) < n {
		line, err := r.ReadString('\n')
		if line != "" {
			got = append(got, line)
		}
		if err != nil {
			return got, err
		}
	}
	return got, nil
}

// eventually polls until ok or ten seconds have passed.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

var errCut = errors.New("any error but a clean end")

// ended reports whether err is what want means: nil, io.EOF or errCut.
func ended(err, want error) bool {
	if want == errCut {
		return err != nil && !errors.Is(err, io.EOF)
	}
	return errors.Is(err, want)
}
