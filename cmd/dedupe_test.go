//go:build unix

package cmd_test

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/storj/twitter-stream/pkg/sandbox/kind"
)

// TestTwoMachinesBecomeOne: two machines record one stream into one archive,
// both killed again and again; read together, nothing is lost and nothing is
// there twice, by the server's own log.
func TestTwoMachinesBecomeOne(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"jetstream", "wikimedia"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive := filepath.Join(t.TempDir(), "archive")
			put(t, filepath.Join(filepath.Dir(archive), "beside"), "so that it is no empty mount point")
			a := newCampaign(t, name, "upload_url", archive, "tweet_file_prefix", "a-")
			b := joinCampaign(t, a.kind, a.server, "upload_url", archive, "tweet_file_prefix", "b-")
			var both sync.WaitGroup
			for _, c := range []*campaign{a, b} {
				c.forget("grabber")
				first := c.start("grabber")
				eventually(t, "the first grabber stores", c.stored)
				first.kill()
			}
			for _, c := range []*campaign{a, b} {
				both.Go(func() { c.fightOn(max(ends()/3, 1)) })
			}
			both.Wait()
			if t.Failed() {
				return
			}
			if err := a.server.SetFault(); err != nil {
				t.Fatal(err)
			}
			a.server.Freeze()
			a.catchUp()
			b.catchUp()
			a.together(b)
		})
	}
}

// together reads both captures as one.
func (c *campaign) together(other *campaign) {
	c.t.Helper()
	fetch := func(args ...string) [][]byte {
		args = append([]string{"fetch", "--stdout", "--ledger", filepath.Join(other.store, "ledger")}, args...)
		code, out, problems := c.output("uploader", args...)
		if code != 0 {
			c.t.Fatalf("%v exited %d:\n%s", args, code, problems)
		}
		return lines(c.t, []content{{"what was fetched", out}})
	}
	all, got := fetch(), c.numbers(fetch("--dedupe"))
	lost, twice := account(got, c.server.Head())
	lost = slices.DeleteFunc(lost, func(seq uint64) bool { return !kind.Again(c.server, seq) })
	c.t.Logf("%d events happened, %d messages recorded, %d after --dedupe, %d lost, %d twice", c.server.Head(), len(all), len(got), len(lost), len(twice))
	if len(lost) > 0 || len(twice) > 0 {
		c.t.Errorf("%d lost, the first %v, and %d twice, the first %v", len(lost), lost[:min(len(lost), 20)], len(twice), twice[:min(len(twice), 20)])
	}
	if len(got) == 0 || len(all) < len(got)*3/2 {
		c.t.Errorf("%d messages of %d are left: the two have not recorded the same", len(got), len(all))
	}
}
