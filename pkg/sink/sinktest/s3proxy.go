package sinktest

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// S3Proxy stands before a real S3 server and does wrong what it is told to. It
// passes on everything else, Host included, so that signatures hold.
type S3Proxy struct {
	URL string

	target *url.URL
	pass   *httputil.ReverseProxy

	mu      sync.Mutex // guards what follows
	faults  []Fault
	uploads map[string]*transfer // in parts, by upload id
	seen    []Seen
	done    chan struct{}
}

// Seen is one request.
type Seen struct {
	Method, Path, Query string
	Header              http.Header
}

// transfer is an object on its way, in one request or several.
type transfer struct {
	fault Fault
	size  int64 // of the object
	sent  int64
}

// NewS3Proxy starts a proxy that stops with the test.
func NewS3Proxy(t testing.TB, target string) *S3Proxy {
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &S3Proxy{target: u, uploads: map[string]*transfer{}, done: make(chan struct{})}
	p.pass = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = u.Scheme, u.Host },
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			drop(w) // what was cut on one side is cut on the other
		},
	}
	server := httptest.NewServer(p)
	p.URL = server.URL
	t.Cleanup(func() {
		close(p.done)
		server.CloseClientConnections()
		server.Close()
	})
	return p
}

// Fail queues faults for the next objects, one each.
func (p *S3Proxy) Fail(faults ...Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = append(p.faults, faults...)
}

// Left returns how many faults have not come to pass.
func (p *S3Proxy) Left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.faults)
}

// Seen returns all requests so far.
func (p *S3Proxy) Seen() []Seen {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]Seen(nil), p.seen...)
}

// ServeHTTP implements http.Handler.
func (p *S3Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	p.mu.Lock()
	p.seen = append(p.seen, Seen{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Clone()})
	p.mu.Unlock()
	switch {
	case r.Method == http.MethodPost && query.Has("uploads"):
		p.begin(w, r)
	case r.Method == http.MethodPut && query.Has("partNumber"):
		p.send(w, r, p.upload(query.Get("uploadId")))
	case r.Method == http.MethodPost && query.Has("uploadId"):
		p.complete(w, r, p.upload(query.Get("uploadId")))
	case r.Method == http.MethodPut && strings.Count(r.URL.Path, "/") > 1:
		p.send(w, r, &transfer{fault: p.next(), size: r.ContentLength})
	default:
		p.pass.ServeHTTP(w, r)
	}
}

func (p *S3Proxy) next() (fault Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.faults) > 0 {
		fault, p.faults = p.faults[0], p.faults[1:]
	}
	return fault
}

func (p *S3Proxy) upload(id string) *transfer {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.uploads[id]; x != nil {
		return x
	}
	return &transfer{}
}

var uploadID = regexp.MustCompile(`<UploadId>([^<]+)</UploadId>`)

// begin passes on the first request of an object in parts, and remembers what is
// to go wrong with it.
func (p *S3Proxy) begin(w http.ResponseWriter, r *http.Request) {
	size, _ := strconv.ParseInt(r.Header.Get("X-Amz-Meta-Size"), 10, 64) // 0: nobody's object
	x := &transfer{fault: p.next(), size: size}
	if x.fault.Status != 0 {
		refuse(w, x.fault)
		return
	}
	answer := httptest.NewRecorder()
	p.pass.ServeHTTP(answer, r)
	if found := uploadID.FindStringSubmatch(answer.Body.String()); found != nil {
		p.mu.Lock()
		p.uploads[found[1]] = x
		p.mu.Unlock()
	}
	replay(w, answer)
}

func replay(w http.ResponseWriter, answer *httptest.ResponseRecorder) {
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes()) // the client went away
}

// send is the request that bears an object, or a part of one.
func (p *S3Proxy) send(w http.ResponseWriter, r *http.Request, x *transfer) {
	whole := !r.URL.Query().Has("partNumber")
	fault := x.fault
	if whole && fault.Status != 0 {
		if !fault.Early {
			_, _ = io.Copy(io.Discard, r.Body) // it is refused anyway
		}
		refuse(w, fault)
		if fault.Early {
			reset(w)
		}
		return
	}
	if whole && fault.Lie != "" {
		content, _ := io.ReadAll(r.Body) // what came is lied about
		lieS3(w, fault.Lie, content)
		return
	}
	r.Body = &faulty{ReadCloser: r.Body, p: p, x: x}
	answer := httptest.NewRecorder()
	answer.Code = 0
	r2 := r.Clone(r.Context())
	p.passOrReset(answer, r2)
	if answer.Code == 0 || fault.LoseAnswer && whole {
		drop(w)
		return
	}
	replay(w, answer)
}

// passOrReset leaves the answer's code 0 where there was none.
func (p *S3Proxy) passOrReset(answer *httptest.ResponseRecorder, r *http.Request) {
	pass := *p.pass
	pass.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { answer.Code = 0 }
	pass.ServeHTTP(answer, r)
}

// complete is the request that makes parts an object.
func (p *S3Proxy) complete(w http.ResponseWriter, r *http.Request, x *transfer) {
	if x.fault.Lie != "" {
		if x.fault.Lie == LieGarbage {
			lieS3(w, LieGarbage, nil)
			return
		}
		fmt.Fprintf(w, `<?xml version="1.0"?><CompleteMultipartUploadResult><Bucket>b</Bucket><Key>k</Key><ETag>"%x-2"</ETag></CompleteMultipartUploadResult>`, md5.Sum([]byte(x.fault.Lie)))
		return
	}
	if x.fault.CutAt >= 1 {
		drop(w) // before it is asked
		return
	}
	answer := httptest.NewRecorder()
	answer.Code = 0
	p.passOrReset(answer, r)
	if answer.Code == 0 || x.fault.LoseAnswer {
		drop(w)
		return
	}
	replay(w, answer)
}

// faulty is a body that is slow, stops or breaks.
type faulty struct {
	io.ReadCloser
	p *S3Proxy
	x *transfer
}

var errCut = errors.New("cut")

func (f *faulty) Read(b []byte) (int, error) {
	x := f.x
	if len(b) > 16<<10 && x.fault.Slow > 0 {
		b = b[:16<<10]
	}
	n, err := f.ReadCloser.Read(b)
	x.sent += int64(n)
	share := float64(x.sent) / float64(max(x.size, 1))
	switch {
	case x.fault.CutAt > 0 && share >= x.fault.CutAt:
		return 0, errCut
	case x.fault.Stall > 0 && share >= x.fault.Stall:
		<-f.p.done
		return 0, errCut
	case x.fault.Slow > 0:
		select {
		case <-time.After(x.fault.Slow):
		case <-f.p.done:
		}
	}
	return n, err
}

// lieS3 answers success for an object that was not stored.
func lieS3(w http.ResponseWriter, lie Lie, content []byte) {
	sum := func(b []byte) string { s := md5.Sum(b); return `"` + hex.EncodeToString(s[:]) + `"` }
	switch lie {
	case LieHash:
		w.Header().Set("ETag", sum([]byte("another content")))
	case LieKey:
		w.Header().Set("ETag", sum(append(bytes.Clone(content), 'x')))
	case LieShort:
		w.Header().Set("ETag", sum(content[:max(0, len(content)-1)]))
	case LieEmpty:
		w.Header().Set("ETag", `""`)
	case LieGarbage:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>Created</html>") // the client went away
	}
}
