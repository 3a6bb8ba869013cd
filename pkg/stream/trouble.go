package stream

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"

	"github.com/storj/twitter-stream/pkg/redact"
)

// worded shows an error in other words and keeps its chain.
type worded struct {
	text string
	error
}

func (e worded) Error() string { return e.text }

func (e worded) Unwrap() error { return e.error }

// plain takes off the layer of net/http that quotes the whole URL, query and
// secrets included, and escapes what a server may have put into the rest.
func plain(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return worded{redact.Text(err.Error()), err}
}

// networkHint says what to do about trouble that a person can mend.
func networkHint(err error) string {
	var (
		name    *net.DNSError
		invalid x509.CertificateInvalidError
		unknown x509.UnknownAuthorityError
		host    x509.HostnameError
		record  tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &name):
		return "check the network, the name server and stream_url"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the server's certificate has expired, or this computer's clock is wrong"
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid):
		return "the server cannot prove who it is: check stream_url, or set SSL_CERT_FILE to the certificates to trust"
	case errors.As(err, &record):
		return "the server does not speak TLS there: check the port and whether stream_url should begin with http"
	}
	return ""
}
