// Package webnode puts objects to a Storj web node of 2014 (Storj/web-core):
// one multipart POST an object, answered by a hash and a key; and reads them
// back by these.
//
// It guarantees that
//   - nothing is believed: a receipt is returned only when the answer has been
//     checked, without asking the node anything, against the very bytes that
//     were sent;
//   - every try sends the whole object from its first byte, with its length
//     known in advance, and never finishes an object that is not what it was
//     said to be;
//   - a try ends by itself only when the connection makes no progress; an
//     answer that comes while the object is still being sent is read, also when
//     the node then resets the connection;
//   - no redirect is followed, and neither token nor key is in an error;
//   - memory does not depend on the object's size.
//
// It must not know the store, nor try again: it says by type what went wrong
// and the caller decides.
package webnode

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/watch"
)

// Kind is what receipts name this sink.
const Kind = "webnode"

// Config says where the node is and how it is spoken to.
type Config struct {
	URL   string // of the upload; userinfo is sent as basic authentication
	Token string // the form's token field; "" sends none. A secret
	// Transport is cloned, so that connections can be watched; nil means
	// http.DefaultTransport, with its proxy variables.
	Transport *http.Transport
	Timeout   time.Duration // no progress on the connection for this long fails the try
	UserAgent string        // name and version
	// Passphrase is what the node derives keys with; "" means web-core's
	// default. A node with another one is proven by the key in its answer.
	Passphrase string
	Now        func() time.Time // wall clock, for a Retry-After date; nil means time.Now
}

// Node is one web node. Its methods may be called from any goroutine.
type Node struct {
	cfg     Config
	target  *url.URL // without userinfo
	user    *url.Userinfo
	shown   string // the URL as errors and receipts have it
	client  *http.Transport
	scratch sync.Pool // of *[chunk]byte
}

// New checks cfg and returns a node; it speaks to nobody.
func New(cfg Config) (*Node, error) {
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		// The parser's own error quotes the URL, which may hold a password.
		return nil, fmt.Errorf("upload URL %s: not an http or https URL", redact.URL(cfg.URL))
	}
	if cfg.Timeout <= 0 {
		return nil, fmt.Errorf("upload timeout %v: must be positive", cfg.Timeout)
	}
	if cfg.Passphrase == "" {
		cfg.Passphrase = defaultPassphrase
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	n := &Node{cfg: cfg, user: u.User, shown: redact.URL(cfg.URL), client: watch.Transport(cfg.Transport, cfg.Timeout)}
	n.scratch.New = func() any { return new([chunk]byte) }
	u.User, u.Fragment = nil, ""
	n.target = u
	return n, nil
}

// URL returns the node's URL as receipts name it.
func (n *Node) URL() string { return n.shown }

// Close ends idle connections.
func (n *Node) Close() { n.client.CloseIdleConnections() }

// Put sends obj and returns the proven receipt. web-core answers 201; any other
// success counts as well, for it is the proof that counts. It blocks as long as the
// connection makes progress. Errors are *sink.Error, or ctx's when that ended.
// obj.Content is not read any more when Put has returned.
func (n *Node) Put(ctx context.Context, obj sink.Object) (sink.Receipt, error) {
	up, err := newUpload(n, obj)
	if err != nil {
		return sink.Receipt{}, n.fail(obj, sink.Temporary, err)
	}
	defer up.close()
	trying, w := watch.Start(ctx, n.cfg.Timeout, up.broken, func() { up.progress(0) })
	defer w.End()

	res, err := n.send(trying, w, up)
	if err != nil {
		return sink.Receipt{}, n.broken(ctx, trying, up, err)
	}
	defer res.Body.Close()
	w.Await() // the answer may have come before the last byte went
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return sink.Receipt{}, n.refused(res, obj)
	}
	said, err := readAnswer(res.Body)
	w.Stop()
	if ctx.Err() != nil {
		return sink.Receipt{}, ctx.Err()
	}
	if err == nil && !up.sent() {
		err = errors.New("the node answered before it had the whole file")
	}
	if err != nil {
		return sink.Receipt{}, n.unproven(res, obj, err)
	}
	key, err := up.prove(ctx, said)
	if ctx.Err() != nil {
		return sink.Receipt{}, ctx.Err()
	}
	if err != nil {
		return sink.Receipt{}, n.unproven(res, obj, err)
	}
	return sink.Receipt{Sink: Kind, URL: n.shown, FileHash: said.FileHash, Key: key}, nil
}

// send makes the one request. The transport may send it anew by itself, from
// the first byte, when an idle connection turned out to be closed: the node
// stores the same content once, so the request counts as idempotent.
func (n *Node) send(ctx context.Context, w *watch.Watch, up *upload) (*http.Response, error) {
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(info httptrace.GotConnInfo) { w.Attach(info.Conn) },
		WroteRequest: func(httptrace.WroteRequestInfo) { w.Await() },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.target.String(), nil)
	if err != nil {
		return nil, err
	}
	req.ContentLength = up.length()
	req.GetBody = up.open
	req.Body, _ = up.open()
	req.Header.Set("Content-Type", up.contentType)
	req.Header.Set("User-Agent", n.cfg.UserAgent)
	req.Header["Idempotency-Key"] = nil // for net/http alone, not sent
	if n.user != nil {
		password, _ := n.user.Password()
		req.SetBasicAuth(n.user.Username(), password)
	}
	// Not through an http.Client: it would follow redirects.
	return n.client.RoundTrip(req)
}
