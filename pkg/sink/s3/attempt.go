package s3

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink/watch"
)

// maxList is how much of a listing's page is read, in bytes: a thousand keys of
// the greatest length fit.
const maxList = 8 << 20

// attempt is one request: what it sends, and what the library does not hand on
// of its answer.
type attempt struct {
	body *content // nil for none
	tell *telling // nil for none

	status      int
	retryAfter  string
	contentType string
	location    string
	etag        string
}

// isPage reports whether the answer is a web page.
func (a *attempt) isPage() bool {
	return strings.Contains(strings.ToLower(a.contentType), "text/html")
}

type attemptKey struct{}

// request makes one call of the library's as one watched request. after is how
// long its answer may take, at least.
func (b *Bucket) request(ctx context.Context, name string, a *attempt, after time.Duration, call func(context.Context) error) error {
	trying, w := watch.Start(ctx, after, a.broken, a.alive)
	defer w.End()
	trying = httptrace.WithClientTrace(trying, &httptrace.ClientTrace{
		GotConn:      func(info httptrace.GotConnInfo) { w.Attach(info.Conn) },
		WroteRequest: func(httptrace.WroteRequestInfo) { w.Await() },
	})
	err := call(context.WithValue(trying, attemptKey{}, a))
	if a.body != nil {
		a.body.close() // the transport may still be sending when the answer has come
	}
	if err == nil {
		return nil
	}
	return b.explain(ctx, trying, name, a, err)
}

func (a *attempt) broken() {
	if a.body != nil {
		a.body.giveUp()
	}
}

func (a *attempt) alive() {
	if a.tell != nil {
		a.tell.progress(0)
	}
}

// transport stands between the library and the connections.
type transport struct{ base *http.Transport }

// RoundTrip implements http.RoundTripper. A request that met an idle connection
// which was closed meanwhile is sent anew by the transport, from the first byte:
// that something has been stored then shows, since nothing is overwritten.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	a, ok := req.Context().Value(attemptKey{}).(*attempt)
	if !ok {
		return t.base.RoundTrip(req)
	}
	own := *req
	own.Header = req.Header.Clone()
	own.Header["Idempotency-Key"] = nil // for net/http alone, not sent
	if a.body != nil && req.ContentLength > 0 {
		own.Body, own.GetBody = a.body.open(), func() (io.ReadCloser, error) { return a.body.open(), nil }
	}
	res, err := t.base.RoundTrip(&own)
	if err != nil {
		return nil, err
	}
	a.status, a.retryAfter = res.StatusCode, res.Header.Get("Retry-After")
	a.contentType, a.location = res.Header.Get("Content-Type"), res.Header.Get("Location")
	a.etag = strings.Trim(res.Header.Get("ETag"), `"`)
	limit := int64(redact.MaxBody)
	if req.Method == http.MethodGet && res.StatusCode < 300 {
		if !req.URL.Query().Has("list-type") && !req.URL.Query().Has("uploads") {
			return res, nil // an object
		}
		limit = maxList
	}
	res.Body = limited{io.LimitReader(res.Body, limit), res.Body}
	return res, nil
}

// limited is the beginning of an answer.
type limited struct {
	io.Reader
	io.Closer
}
