// Package sandboxtest starts the sandbox's servers for a test and ends them
// with it.
package sandboxtest

import (
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// Twitter starts a local Twitter that is closed with the test.
func Twitter(t testing.TB, cfg sandbox.TwitterConfig) *sandbox.Twitter {
	t.Helper()
	tw, err := sandbox.StartTwitter(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tw.Close() })
	return tw
}

// Node starts a local node that is closed with the test.
func Node(t testing.TB, cfg sandbox.NodeConfig) *sandbox.Node {
	t.Helper()
	if cfg.Dir == "" {
		cfg.Dir = t.TempDir()
	}
	node, err := sandbox.StartNode(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() })
	return node
}

// Config writes what the programs need to run in dir against the servers and
// returns config.ini's path.
func Config(t testing.TB, dir string, tw *sandbox.Twitter, node *sandbox.Node, extra map[string]string) string {
	t.Helper()
	path, err := sandbox.WriteConfig(dir, tw, node, extra)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
