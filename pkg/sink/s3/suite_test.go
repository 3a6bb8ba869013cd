package s3

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// node is a bucket of a real server behind a proxy that does wrong.
type node struct {
	*Bucket
	proxy *sinktest.S3Proxy
	t     testing.TB
}

// Fail has the next object go over a fresh connection: on one that was idle the
// transport mends much by itself (TestLostAnswerOnAnIdleConnection).
func (n node) Fail(faults ...sinktest.Fault) {
	n.client.CloseIdleConnections()
	n.proxy.Fail(faults...)
}
func (n node) Left() int { return n.proxy.Left() }

// Refusals are those of every HTTP server and the protocol's own, by code.
func (n node) Refusals() []sinktest.Refusal {
	all := sinktest.HTTPRefusals()
	for _, r := range []struct {
		code   string
		status int
		kind   sink.Kind
	}{
		{"NoSuchBucket", 404, sink.Misdirected}, {"PermanentRedirect", 301, sink.Misdirected}, {"AuthorizationHeaderMalformed", 400, sink.Misdirected},
		{"AccessDenied", 403, sink.Credentials}, {"ExpiredToken", 400, sink.Credentials}, {"SignatureDoesNotMatch", 403, sink.Credentials},
		{"SlowDown", 503, sink.Temporary}, {"ConditionalRequestConflict", 409, sink.Temporary}, {"RequestTimeout", 400, sink.Temporary}, {"BadDigest", 400, sink.Temporary},
		{"XMinioStorageFull", 507, sink.Pause}, {"QuotaExceeded", 403, sink.Pause}, {"XStorjStorageLimitExceeded", 403, sink.Pause},
		{"EntityTooLarge", 400, sink.Permanent},
	} {
		all = append(all, sinktest.Refusal{Name: r.code, Kind: r.kind, Status: r.status, Fault: sinktest.Fault{
			Status: r.status, Header: map[string]string{"Content-Type": "application/xml"},
			Body: fmt.Sprintf("<Error><Code>%s</Code><Message>so it is</Message></Error>", r.code),
		}})
	}
	for status, kind := range map[int]sink.Kind{400: sink.Misdirected, 404: sink.Misdirected, 502: sink.Temporary} {
		all = append(all, sinktest.Refusal{Name: fmt.Sprintf("HTML %d", status), Kind: kind, Status: status, Fault: sinktest.Fault{
			Status: status, Header: map[string]string{"Content-Type": "text/html; charset=utf-8"}, Body: "<html><title>Welcome</title></html>",
		}})
	}
	return all
}

// Content reads the object by its receipt. Nothing may be left of objects in
// parts that failed.
func (n node) Content(r sink.Receipt) ([]byte, bool) {
	content, err := readAll(n.t, n.Bucket, sink.Ref{Key: r.Object})
	pending, perr := n.core.ListMultipartUploads(n.t.Context(), n.at.bucket, "", "", "", "", 10)
	if perr != nil || len(pending.Uploads) > 0 {
		n.t.Errorf("unfinished uploads %v (%v), want none", pending.Uploads, perr)
	}
	return content, err == nil
}

var buckets atomic.Int64

// newNode makes a bucket of the gateway behind a proxy of its own.
func newNode(t testing.TB, g *sinktest.Gateway, change func(*Config)) node {
	t.Helper()
	proxy := sinktest.NewS3Proxy(t, g.URL)
	name := fmt.Sprintf("bucket-%d", buckets.Add(1))
	cfg := Config{
		URL: "s3://" + name + "/a/dt=1?endpoint=" + proxy.URL, Timeout: 30 * time.Second, Agent: "twitter-stream/test",
		Keys: func() (Keys, error) {
			return Keys{Access: sinktest.GatewayAccess, Secret: sinktest.GatewaySecret}, nil
		},
		// The usual transport is shared by all tests of the process.
		Transport: &http.Transport{TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}},
	}
	if change != nil {
		change(&cfg)
	}
	b, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	makeBucket(t, g, b.at.bucket)
	return node{b, proxy, t}
}

// makeBucket goes by a connection of its own, and not through a proxy.
func makeBucket(t testing.TB, g *sinktest.Gateway, name string) {
	t.Helper()
	if err := direct(t, g).MakeBucket(t.Context(), name, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
}

func removeBucket(t testing.TB, g *sinktest.Gateway, name string) {
	t.Helper()
	if err := direct(t, g).RemoveBucket(t.Context(), name); err != nil {
		t.Fatal(err)
	}
}

func direct(t testing.TB, g *sinktest.Gateway) *minio.Client {
	t.Helper()
	client, err := minio.New(strings.TrimPrefix(g.URL, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(sinktest.GatewayAccess, sinktest.GatewaySecret, ""), Region: defaultRegion,
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestSuite(t *testing.T) {
	t.Parallel()
	g := sinktest.NewGateway(t)
	start := func(t testing.TB) sinktest.Node { return newNode(t, g, nil) }
	sinktest.Run(t, start)
	sinktest.RunLarge(t, start)
}
