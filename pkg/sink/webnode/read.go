package webnode

import (
	"context"
	"crypto/cipher"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

var _ sink.Reader = (*Node)(nil)

// Stat asks the node for an object. web-core's record of it comes only after a
// while, so that what it says of an object that it does not know proves
// nothing: then the object itself is asked for, and not read.
func (n *Node) Stat(ctx context.Context, ref sink.Ref) (sink.Found, error) {
	found := sink.Found{Key: ref.Key, Size: -1}
	if !isHash(ref.FileHash) {
		return found, n.unreadable(ref, errNoHash)
	}
	size, err := n.recorded(ctx, ref)
	if err != nil {
		return found, err
	}
	if size >= 0 {
		found.Size = size
		return found, nil
	}
	body, length, err := n.fetch(ctx, ref)
	if err != nil {
		return found, err
	}
	found.Size = length
	_ = body.Close() // nothing was read
	return found, nil
}

// Open returns the content as it was put. The key never leaves this process:
// the ciphertext is fetched, and deciphered here.
func (n *Node) Open(ctx context.Context, ref sink.Ref) (io.ReadCloser, error) {
	if !isHash(ref.FileHash) {
		return nil, n.unreadable(ref, errNoHash)
	}
	var stream cipher.Stream
	if ref.Secret != "" {
		key, err := hex.DecodeString(ref.Secret)
		if err == nil {
			stream, err = keyStream(key)
		}
		if err != nil || len(key) != 32 {
			return nil, n.unreadable(ref, errors.New("the receipt's key is not one")) // never quoted
		}
	}
	body, _, err := n.fetch(ctx, ref)
	if err != nil {
		return nil, err
	}
	if stream == nil {
		return body, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{cipher.StreamReader{S: stream, R: body}, body}, nil
}

var errNoHash = errors.New("the receipt names no file hash")

// recorded returns the size in the node's record, -1 where it tells of none.
func (n *Node) recorded(ctx context.Context, ref sink.Ref) (int64, error) {
	res, body, err := n.get(ctx, "find", ref)
	if err != nil {
		return -1, err
	}
	defer body.Close() //nolint:errcheck // only read
	var said struct {
		FileHash string `json:"filehash"`
		FileSize *int64 `json:"filesize"`
	}
	if res.StatusCode != http.StatusOK {
		return -1, nil
	}
	err = json.NewDecoder(io.LimitReader(body, redact.MaxBody)).Decode(&said)
	if err != nil || said.FileSize == nil || *said.FileSize < 0 || !strings.EqualFold(said.FileHash, ref.FileHash) {
		return -1, ctx.Err()
	}
	return *said.FileSize, nil
}

// fetch asks for the object as it lies there. length is -1 where the node
// does not tell.
func (n *Node) fetch(ctx context.Context, ref sink.Ref) (body *download, length int64, err error) {
	res, body, err := n.get(ctx, "download", ref)
	if err != nil {
		return nil, -1, err
	}
	if res.StatusCode != http.StatusOK {
		defer body.Close() //nolint:errcheck // only read
		return nil, -1, n.withheld(res, body, ref)
	}
	return body, res.ContentLength, nil
}

// get makes one request. Neither the key nor the token is in its URL, which
// servers and proxies log.
func (n *Node) get(ctx context.Context, call string, ref sink.Ref) (*http.Response, *download, error) {
	target, err := n.sibling(call, ref.FileHash)
	if err != nil {
		return nil, nil, n.readError(ref, sink.Misdirected, err)
	}
	body := &download{node: n, ref: ref, outer: ctx}
	body.ctx, body.cancel = context.WithCancelCause(ctx)
	body.timer = time.AfterFunc(n.cfg.Timeout, body.stalled)
	req, err := http.NewRequestWithContext(body.ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, nil, n.readError(ref, sink.Misdirected, errors.New("not a URL"))
	}
	req.Header.Set("User-Agent", n.cfg.UserAgent)
	req.Header.Set("Accept-Encoding", "identity")
	if n.user != nil {
		password, _ := n.user.Password()
		req.SetBasicAuth(n.user.Username(), password)
	}
	res, err := n.client.RoundTrip(req) // not through an http.Client: it would follow redirects
	body.timer.Stop()
	if err != nil {
		err = body.explain(err)
		body.cancel(nil)
		return nil, nil, err
	}
	body.inner = res.Body
	return res, body, nil
}

// sibling returns the URL of another call of the API that the upload URL
// belongs to.
func (n *Node) sibling(call, hash string) (string, error) {
	base, ok := strings.CutSuffix(strings.TrimSuffix(n.target.Path, "/"), "/upload")
	if !ok {
		return "", errors.New("its path does not end in /upload, so that it does not say where to read from")
	}
	u := *n.target
	u.Path, u.RawPath = base+"/"+call+"/"+hash, ""
	return u.String(), nil
}

// withheld turns an answer that is no object into an error. A 404 that is not
// in web-core's words comes from something else than a node.
func (n *Node) withheld(res *http.Response, body io.Reader, ref sink.Ref) error {
	text, _ := io.ReadAll(io.LimitReader(body, redact.MaxBody)) // what came before an error is still worth showing
	var said struct{ Error string }
	shown := n.quote(strings.NewReader(string(text)))
	e := n.readError(ref, kindOf(res.StatusCode, ""), errors.New(statusText(res.StatusCode, shown)))
	e.Status = res.StatusCode
	e.RetryAfter = retryAfter(res.Header.Get("Retry-After"), n.cfg.Now())
	switch {
	case res.StatusCode == http.StatusNotFound && json.Unmarshal(text, &said) == nil && isMissing(said.Error):
		e.Kind, e.Err = sink.Permanent, fmt.Errorf("%w (404: %s)", sink.ErrNotFound, shown)
	case res.StatusCode/100 == 2:
		e.Kind = sink.Temporary
	case res.StatusCode/100 == 3:
		e.Err = fmt.Errorf("%d: the URL has moved to %s", res.StatusCode, n.moved(res.Header.Get("Location")))
	case res.StatusCode == http.StatusPaymentRequired, res.StatusCode == http.StatusInternalServerError:
		e.Hint = "a node with accounts wants its token for a download too, in the URL, where secrets never go; ask the node's operator"
	case e.Kind == sink.Misdirected:
		e.Hint = "is a web node's upload URL meant? its download URL is made from it"
	}
	return e
}

// isMissing knows web-core's word for an object that it does not have.
func isMissing(said string) bool {
	return strings.ReplaceAll(strings.ToLower(said), " ", "-") == "file-not-found"
}

// unreadable is a receipt that cannot be asked for.
func (n *Node) unreadable(ref sink.Ref, err error) error {
	return n.readError(ref, sink.Permanent, err)
}

func (n *Node) readError(ref sink.Ref, kind sink.Kind, err error) *sink.Error {
	name := ref.Key
	if name == "" && isHash(ref.FileHash) {
		name = ref.FileHash
	}
	return &sink.Error{Kind: kind, Reading: true, URL: n.shown, Name: redact.Text(name), Err: err}
}
