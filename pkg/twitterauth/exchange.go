package twitterauth

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
)

// answerWithin bounds one request of the PIN flow: a person is waiting.
const answerWithin = 30 * time.Second

// exchange is one request of the PIN flow and its answer. It is what the
// library sends through, since the library's own errors lose the answer and
// quote the request's headers.
type exchange struct {
	ctx      context.Context
	cfg      Config
	op       string
	endpoint string
	secrets  []string // that an answer may echo

	status   int
	body     []byte
	location string        // of a redirect
	skew     time.Duration // server's clock minus ours
	err      error         // no answer
}

// Do implements oauth.HttpClient. The transport is asked directly: an
// http.Client would follow redirects with a signature that covers another URL.
func (x *exchange) Do(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(x.ctx, answerWithin)
	defer cancel()
	req = req.WithContext(ctx)
	if x.cfg.UserAgent != "" {
		req.Header.Set("User-Agent", x.cfg.UserAgent)
	}
	resp, err := x.cfg.transport().RoundTrip(req)
	var urlError *url.Error
	if errors.As(err, &urlError) { // which prints its URL
		err = urlError.Err
	}
	if err != nil {
		x.err = err
		return nil, err
	}
	defer resp.Body.Close()
	x.body, err = io.ReadAll(io.LimitReader(resp.Body, redact.MaxBody))
	if err != nil {
		x.err = err
		return nil, err
	}
	x.status, x.location = resp.StatusCode, resp.Header.Get("Location")
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		x.skew = date.Sub(x.cfg.now())
	}
	resp.Body = io.NopCloser(bytes.NewReader(x.body))
	return resp, nil
}

// noAnswer explains why there was none.
func (x *exchange) noAnswer() *Error {
	if err := x.ctx.Err(); err != nil {
		return x.error(Network, err, "")
	}
	return x.error(Network, shown{x.err}, networkHint(x.err))
}

func networkHint(err error) string {
	var dns *net.DNSError
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &dns):
		return "the name cannot be looked up: is this machine connected, and is the URL's host right?"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing answers there: check the URL, its port, and HTTPS_PROXY if you use one"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate is not valid at this machine's time: check the clock first"
	case errors.As(err, &unknown):
		return "the server's certificate is signed by nobody this machine trusts: something stands between, or SSL_CERT_FILE has to name its authority"
	case errors.As(err, &certificate):
		return "the server's certificate is not for this host: check the URL"
	case errors.As(err, &record):
		return "the server does not speak TLS there: check the URL's scheme and port"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time: check the network, firewall and HTTPS_PROXY, then try again"
	}
	return "check the network, then try again"
}

// shown is an error whose text may hold a server's words.
type shown struct{ err error }

func (s shown) Error() string { return redact.Text(s.err.Error()) }

func (s shown) Unwrap() error { return s.err }
