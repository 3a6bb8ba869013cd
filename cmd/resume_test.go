//go:build unix

package cmd_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
	"github.com/storj/twitter-stream/pkg/sandbox/kind"
	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/timeline"
)

// ends is how often a campaign kills the grabber; any number by the variable
// of the other campaign.
func ends() int {
	n, err := strconv.Atoi(os.Getenv("TWITTER_STREAM_TEST_KILLS"))
	if err != nil {
		return 10
	}
	return n
}

// campaign is a stream that goes on at full rate while its grabber is killed
// at random moments, its connections break, and the uploader, killed as well,
// ships what is finished and removes it.
type campaign struct {
	*world
	kind   kind.Kind
	server kind.Server
}

// rate is as high as leaves a busy machine time for the rest: what happens
// while a grabber starts has to be captured and shipped as well, X sends
// minutes again at each connection, and a Mastodon hands out 40 posts a page.
// Any rate by the variable.
func rate(name string) float64 {
	if asked, err := strconv.ParseFloat(os.Getenv("TWITTER_STREAM_TEST_RATE"), 64); err == nil {
		return asked
	}
	switch name {
	case "mastodon":
		return 60
	case "x":
		return 150
	}
	return 600
}

func newCampaign(t *testing.T, name string, keys ...string) *campaign {
	t.Helper()
	k, ok := kind.Find(name)
	if !ok {
		t.Fatalf("no kind %s", name)
	}
	s, err := k.Start(live.Config{
		KeepAlive: 100 * time.Millisecond, SendBuffer: 32 << 10,
		Time: timeline.Config{Rate: rate(name), Share: 5 * time.Millisecond, StepBack: 20 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return joinCampaign(t, k, s, keys...)
}

// joinCampaign is another machine that records a stream.
func joinCampaign(t *testing.T, k kind.Kind, s kind.Server, keys ...string) *campaign {
	t.Helper()
	node, err := sandbox.StartNode(sandbox.NodeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { node.Close() })
	w := &world{t: t, node: node, dir: t.TempDir()}
	w.store = filepath.Join(w.dir, "store")
	settings := quick(append([]string{"grabber_cut_size", "128", "grabber_sync_interval", "50ms", "grabber_cut_interval", "300ms", "grabber_retries", "50"}, keys...)...)
	if w.config, err = sandbox.WriteSource(w.dir, k.Source(s), node, settings); err != nil {
		t.Fatal(err)
	}
	return &campaign{w, k, s}
}

// TestNothingLostNothingTwice is the promise for every stream that can be
// asked for what was missed.
func TestNothingLostNothingTwice(t *testing.T) {
	t.Parallel()
	for _, k := range kind.All() {
		if !k.Resumes {
			continue
		}
		t.Run(k.Name, func(t *testing.T) {
			t.Parallel()
			c := newCampaign(t, k.Name)
			c.fight()
			c.settle(true)
		})
	}
}

// TestNothingLostNothingTwicePacked is the same where finished files are packed,
// which gives a kill more moments to hit.
func TestNothingLostNothingTwicePacked(t *testing.T) {
	t.Parallel()
	c := newCampaign(t, "jetstream", "grabber_compress", "zstd")
	c.fight()
	c.settle(true)
	packed := 0
	for _, r := range c.receipts() {
		if strings.HasSuffix(r.Name, ".jsonl.zst") {
			packed++
		}
	}
	t.Logf("%d of %d files are packed", packed, len(c.receipts()))
	if packed < len(c.receipts())*3/4 {
		t.Errorf("%d of %d files are packed", packed, len(c.receipts()))
	}
}

// TestNothingTwiceWhereNothingComesAgain is the promise for all others.
func TestNothingTwiceWhereNothingComesAgain(t *testing.T) {
	t.Parallel()
	c := newCampaign(t, "x") // without backfill
	c.fight("--stream-url", c.server.StreamURL())
	c.settle(false, "--stream-url", c.server.StreamURL())
}

// fight kills and breaks. The first grabber lives until something is stored:
// before, nobody knows where the stream stands.
func (c *campaign) fight(args ...string) {
	c.t.Helper()
	c.forget("grabber")
	first := c.start("grabber", args...)
	eventually(c.t, "the first grabber stores", c.stored)
	first.kill()
	c.fightOn(ends(), args...)
}

// fightOn kills the grabber n times more.
func (c *campaign) fightOn(n int, args ...string) {
	c.t.Helper()
	var both sync.WaitGroup
	done := make(chan struct{})
	both.Go(func() {
		defer close(done)
		c.killGrabbers(n, args)
	})
	both.Go(func() { c.killUploaders(done) })
	both.Wait()
}

// killGrabbers kills n of them, and breaks the connections of every other.
func (c *campaign) killGrabbers(n int, args []string) {
	breaks := []string{"half=20*1", "reset=20*1", "end=20*1", "bytes=20000*1", "503*1"}
	if c.kind.Name == "jetstream" {
		breaks = append(breaks, "close=1001*1", "close=1012*1", "binary*1")
	}
	for i := 0; i < n && !c.t.Failed(); i++ {
		c.forget("grabber")
		p := c.start("grabber", args...)
		if i%4 != 0 { // every fourth may die before it has done anything
			eventually(c.t, "the grabber stores", c.stored)
		}
		if i%2 == 0 {
			if err := c.server.SetFault(breaks[rand.IntN(len(breaks))]); err != nil {
				c.t.Error(err)
			}
		}
		select {
		case <-time.After(rand.N(300 * time.Millisecond)):
		case <-p.ended:
			c.t.Errorf("a grabber ended by itself: %s", p.out)
		}
		p.kill()
	}
}

// killUploaders kills one after the other until done.
func (c *campaign) killUploaders(done <-chan struct{}) {
	for {
		p := c.start("uploader")
		select {
		case <-time.After(200*time.Millisecond + rand.N(500*time.Millisecond)):
			p.kill()
		case <-done:
			p.kill()
			return
		}
	}
}

// greetings are more than the comments with which a connection may begin.
const greetings = 3

// settle lets nothing new happen, has all of it captured and shipped, and
// balances the books.
func (c *campaign) settle(whole bool, args ...string) {
	c.t.Helper()
	if c.t.Failed() {
		return
	}
	if err := c.server.SetFault(); err != nil {
		c.t.Fatal(err)
	}
	c.server.Freeze()
	c.catchUp(args...)
	got := c.numbers(lines(c.t, c.captured()))
	lost, twice := account(got, c.server.Head())
	all := len(lost)
	lost = slices.DeleteFunc(lost, func(seq uint64) bool { return !kind.Again(c.server, seq) })
	dropped := 0
	for _, conn := range c.server.Connections() {
		if conn.End != "client left" && conn.End != "" {
			dropped++
		}
	}
	c.t.Logf("%d kills, %d connections, %d of them broken; %d events happened, %d stored, %d missing, %d of those lost, %d twice",
		ends()+1, len(c.server.Connections()), dropped, c.server.Head(), len(got), all, len(lost), len(twice))
	if len(twice) > 0 {
		c.t.Errorf("%d twice, the first %v", len(twice), twice[:min(len(twice), 20)])
	}
	if whole && len(lost) > 0 {
		c.t.Errorf("%d lost that could be had again, the first %v", len(lost), lost[:min(len(lost), 20)])
	}
	if whole && len(got) == 0 {
		c.t.Error("nothing was captured")
	}
}

// catchUp has all captured that the stream has left, and shipped.
func (c *campaign) catchUp(args ...string) {
	c.t.Helper()
	c.forget("grabber")
	last := c.start("grabber", args...)
	var messages uint64
	for came := true; came; { // a busy machine may need long: patience is with one that stands still
		came = false
		eventually(c.t, "the last grabber has read all there is", func() bool {
			var s struct {
				Messages   uint64
				KeepAlives uint64 `json:"keep_alives"`
			}
			ok := readStatus(c.t, c.store, "grabber", &s)
			done := ok && s.KeepAlives > greetings // come behind what was missed
			came = ok && !done && s.Messages > messages
			messages = max(messages, s.Messages)
			return came || done
		})
	}
	last.stop()
	if code, out := c.run("uploader", "--drain"); code != 0 {
		c.t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	if left := c.names(func(string) bool { return true }); len(left) > 0 {
		c.t.Errorf("left in the store: %v", left)
	}
}

// numbers returns those of messages that came back, each compared with what was
// sent.
func (c *campaign) numbers(messages [][]byte) (all []uint64) {
	for _, line := range messages {
		seq, ok := kind.Number(c.server, line)
		if !ok {
			c.t.Fatalf("a message without a number: %.200s", line)
		}
		if want := c.server.Message(seq); !bytes.Equal(line, want) {
			c.t.Errorf("event %d\n got %s\nwant %s", seq, line, want)
		}
		all = append(all, seq)
	}
	return all
}

// account returns which numbers are missing between the first one and head,
// and which are there more than once.
func account(got []uint64, head uint64) (lost, twice []uint64) {
	got = slices.Sorted(slices.Values(got))
	if len(got) == 0 {
		return nil, nil
	}
	next := got[0]
	for _, seq := range got {
		if seq < next {
			twice = append(twice, seq)
			continue
		}
		for ; next < seq; next++ {
			lost = append(lost, next)
		}
		next++
	}
	for ; next <= head; next++ {
		lost = append(lost, next)
	}
	return lost, twice
}

func TestAccount(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		got         []uint64
		head        uint64
		lost, twice string
	}{
		{[]uint64{3, 4, 5}, 5, "[]", "[]"},
		{[]uint64{5, 3, 4, 4}, 5, "[]", "[4]"},
		{[]uint64{3, 6, 3}, 8, "[4 5 7 8]", "[3]"},
		{nil, 8, "[]", "[]"},
	} {
		lost, twice := account(test.got, test.head)
		if fmt.Sprint(lost) != test.lost || fmt.Sprint(twice) != test.twice {
			t.Errorf("account(%v, %d) = %v, %v, want %s, %s", test.got, test.head, lost, twice, test.lost, test.twice)
		}
	}
}
