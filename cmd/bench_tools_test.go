//go:build linux

package cmd_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// originalVariable names a checkout of the program that this one replaces.
const originalVariable = "TWITTER_STREAM_BENCH_ORIGINAL"

// noBundle: the AWS library in other programs refuses to start with a bundle of
// certificates that this machine's proxy wants, though it meets none here.
const noBundle = "AWS_CA_BUNDLE="

// peers are what ours is measured beside: the variable that names each, if PATH
// and the tools' folder do not have it, and how one gets it.
var peers = map[string]struct{ variable, install string }{
	"curl":             {"", "apt-get install curl"},
	"dd":               {"", "apt-get install coreutils"},
	"zcat":             {"", "apt-get install gzip"},
	"rclone":           {"TWITTER_STREAM_TEST_RCLONE", "apt-get install rclone, or GOBIN=~/.cache/twitter-stream-tools go install github.com/rclone/rclone@latest"},
	"s5cmd":            {"TWITTER_STREAM_TEST_S5CMD", "GOBIN=~/.cache/twitter-stream-tools go install github.com/peak/s5cmd/v2@latest"},
	"versitygw":        {sinktest.GatewayVariable, "GOBIN=~/.cache/twitter-stream-tools go install github.com/versity/versitygw/cmd/versitygw@v1.8.0, as .ci/run does"},
	"python3-requests": {"", "apt-get install python3-requests"},
	"the original":     {originalVariable, "git clone https://github.com/Storj/twitter-stream, and its directory in " + originalVariable + "; it needs python3-requests"},
}

// named are the peers that were said to be missing, once a process.
var named sync.Map

// missing says that a peer is not there. It prints the line itself, for what a
// benchmark logs is not shown of one that is skipped.
func missing(name string) {
	if _, said := named.LoadOrStore(name, true); !said {
		fmt.Printf("missing peer: %s: %s\n", name, peers[name].install)
	}
}

// peer returns the path of a program to compare with; not ok if it is missing.
func peer(name string) (path string, ok bool) {
	path = sinktest.Tool(name, peers[name].variable)
	if path == "" {
		missing(name)
	}
	return path, path != ""
}

// gatewayAt is a real S3 server, without which there is nothing to measure.
func gatewayAt(b *testing.B, dir string) *sinktest.Gateway {
	b.Helper()
	if _, ok := peer("versitygw"); !ok {
		b.Skip("no versitygw")
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		b.Fatal(err)
	}
	return sinktest.NewGatewayAt(b, dir)
}

// python returns an interpreter that has requests.
func python() (path string, ok bool) {
	path, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(path, "-c", "import requests").Run()
	}
	if err != nil {
		missing("python3-requests")
	}
	return path, err == nil
}

// original returns the directory of the original, and an interpreter that runs it.
func original() (dir, interpreter string, ok bool) {
	dir = os.Getenv(originalVariable)
	if _, err := os.Stat(filepath.Join(dir, "grabber.py")); dir == "" || err != nil {
		missing("the original")
		return "", "", false
	}
	interpreter, ok = python()
	return dir, interpreter, ok
}
