package webnode

import (
	"os"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

// node is a client and its fake, as the suite wants them.
type node struct {
	*Node
	fake *sinktest.WebNode
}

func (n node) Fail(faults ...sinktest.Fault)         { n.fake.Fail(faults...) }
func (n node) Left() int                             { return n.fake.Left() }
func (n node) Refusals() []sinktest.Refusal          { return sinktest.HTTPRefusals() }
func (n node) Content(r sink.Receipt) ([]byte, bool) { return n.fake.Content(r.FileHash) }

func start(t testing.TB, change func(*sinktest.WebNode, *Config)) node {
	t.Helper()
	fake := sinktest.NewWebNode(t)
	cfg := Config{URL: fake.URL, Timeout: 30 * time.Second, UserAgent: "twitter-stream/test"}
	if change != nil {
		change(fake, &cfg)
	}
	n, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return node{n, fake}
}

func TestSuite(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*sinktest.WebNode, *Config)
	}{
		{"default passphrase", nil},
		{"another passphrase", func(n *sinktest.WebNode, _ *Config) { n.Passphrase = "ours" }},
		{"era of plain hashes", func(n *sinktest.WebNode, _ *Config) { n.Era2014 = true }},
		{"token", func(_ *sinktest.WebNode, c *Config) { c.Token = "t0k%n" }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			sinktest.Run(t, func(t testing.TB) sinktest.Node { return start(t, tt.change) })
		})
	}
}

func TestLarge(t *testing.T) {
	t.Parallel()
	if os.Getenv(sinktest.LargeVariable) == "" {
		t.Skip("set " + sinktest.LargeVariable + " for objects of 1 GiB")
	}
	sinktest.RunLarge(t, func(t testing.TB) sinktest.Node { return start(t, nil) })
}
