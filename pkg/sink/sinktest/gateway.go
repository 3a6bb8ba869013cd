package sinktest

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// GatewayVariable is the environment variable that names versitygw's binary.
const GatewayVariable = "TWITTER_STREAM_TEST_VERSITYGW"

// Keys of the gateway's only user.
const (
	GatewayAccess = "twitter-stream-test"
	GatewaySecret = "not-a-secret-of-anybody"
)

// Gateway is a real S3 server, versitygw, on a loopback port and a directory of
// its own.
type Gateway struct {
	URL string // http://127.0.0.1:port
	Dir string // its buckets are directories here; their objects files below
	PID int
}

// Tool returns the path of a program that tests use but nobody has to have: from
// the variable, PATH, or the cache folder that .ci/run fills. "" if there is none.
func Tool(name, variable string) string {
	if path := os.Getenv(variable); path != "" {
		return path
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	path := filepath.Join(cache, "twitter-stream-tools", name)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

// NewGateway starts a gateway that stops with the test, and skips the test where
// there is none. args are those of the whole program, such as --readonly.
func NewGateway(t testing.TB, args ...string) *Gateway {
	t.Helper()
	return startGateway(t, t.TempDir(), args, nil)
}

// NewGatewayOf is NewGateway with arguments of its backend.
func NewGatewayOf(t testing.TB, backend ...string) *Gateway {
	t.Helper()
	return startGateway(t, t.TempDir(), nil, backend)
}

// NewGatewayAt is NewGateway with its files below an empty directory.
func NewGatewayAt(t testing.TB, dir string) *Gateway {
	t.Helper()
	return startGateway(t, dir, nil, nil)
}

// Bucket makes a bucket, as an administrator of the server does: a directory.
func (g *Gateway) Bucket(t testing.TB, name string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(g.Dir, name), 0o700); err != nil {
		t.Fatal(err)
	}
}

func startGateway(t testing.TB, dir string, args, backend []string) *Gateway {
	t.Helper()
	path := Tool("versitygw", GatewayVariable)
	if path == "" {
		t.Skip("versitygw is not installed: no S3 server to test against; .ci/run installs it, or set " + GatewayVariable)
	}
	g := &Gateway{Dir: filepath.Join(dir, "buckets")}
	meta := filepath.Join(dir, "meta")
	for _, d := range []string{g.Dir, meta, filepath.Join(dir, "versions")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	addr := freeAddress(t)
	g.URL = "http://" + addr
	args = append([]string{"--port", addr, "--quiet", "--keep-alive"}, args...)
	args = append(args, "posix", "--sidecar", meta, "--versioning-dir", filepath.Join(dir, "versions"))
	args = append(append(args, backend...), g.Dir)
	cmd := exec.Command(path, args...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+GatewayAccess, "ROOT_SECRET_KEY="+GatewaySecret)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g.PID = cmd.Process.Pid
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(g.URL)
		if err == nil {
			res.Body.Close()
			return g
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			t.Fatalf("versitygw does not answer: %v\n%s", err, said.String())
		}
	}
}

// freeAddress returns an address that nobody listens on: the gateway cannot be
// given an open socket.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
