//go:build unix

package cmd_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// kills is how often the campaign kills; any number by a variable.
func kills(t *testing.T) int {
	n, err := strconv.Atoi(os.Getenv("TWITTER_STREAM_TEST_KILLS"))
	if err != nil {
		n = 200
	}
	if testing.Short() {
		n = min(n, 20)
	}
	return n
}

// mayLose is what a kill may cost a connection at most: 1 MiB in the grabber's
// memory, and what the server had handed to the system but the grabber had not
// read. That lies in the buffers of two sockets, is little unless the grabber
// was kept from reading (by a busy machine or a slow disk), and is thirteen
// times as much once it is inflated, as the sandbox's messages are.
func mayLose(gzip bool) int {
	const memory, sockets, inflates = 1 << 20, 256 << 10, 13
	if gzip {
		return memory + sockets*inflates
	}
	return memory + sockets
}

// TestInvariants2And4KillCampaign kills grabber and uploader at random moments
// under load, and then balances the books by each message's number.
func TestInvariants2And4KillCampaign(t *testing.T) {
	t.Parallel()
	w := newWorld(t,
		sandbox.TwitterConfig{Rate: 2000, SendBuffer: 32 << 10},
		sandbox.NodeConfig{},
		map[string]string{"grabber_cut_size": "256", "grabber_sync_interval": "200ms"})
	var both sync.WaitGroup
	total := kills(t)
	both.Go(func() { w.killAgainAndAgain("grabber", total*3/4, func() bool { return w.stored() }) })
	both.Go(func() { w.killAgainAndAgain("uploader", total/4, func() bool { return true }) })
	both.Wait()
	if t.Failed() {
		return
	}

	w.forget("grabber")
	grabber := w.start("grabber")
	eventually(t, "the last grabber captures", w.stored)
	grabber.stop()
	if code, out := w.run("uploader", "--drain"); code != 0 {
		t.Fatalf("uploader --drain exited %d:\n%s", code, out)
	}
	if left := w.names(func(string) bool { return true }); len(left) > 0 {
		t.Errorf("left in the store: %v", left)
	}
	w.balance(total)
}

// killAgainAndAgain starts a program, waits until it works, lets a random
// while pass and kills it; n times.
func (w *world) killAgainAndAgain(name string, n int, works func() bool) {
	for i := 0; i < n && !w.t.Failed(); i++ {
		w.forget(name)
		p := w.start(name)
		if i%4 != 0 { // every fourth may die before it has done anything
			eventually(w.t, name+" works", works)
		}
		select {
		case <-time.After(time.Duration(rand.Int64N(int64(300 * time.Millisecond)))):
		case <-p.ended:
			w.t.Errorf("%s ended by itself", name)
		}
		p.kill()
	}
}

// forget removes a status, so that the next one found is of the next process,
// and keeps in mind what the store has been given so far.
func (w *world) forget(name string) {
	w.t.Helper()
	os.Remove(w.store + "/.state/" + name + ".json")
	if name == "grabber" {
		w.newest = max(w.newest, w.newestName())
	}
}

// newestName returns the last name that the store gave to what is there, "" for none.
func (w *world) newestName() (newest string) {
	for _, name := range w.names(func(name string) bool { return isFinished(name) }) {
		newest = max(newest, strings.TrimPrefix(name, "."))
	}
	return newest
}

// stored reports whether the grabber of now has stored a message: a file is made
// for the first one of it. The status says so too, but only after its second.
func (w *world) stored() bool {
	w.t.Helper()
	return w.newestName() > w.newest
}

// balance compares what was sent with what came back: nothing twice, nothing
// altered, in order, and of each connection only an end lost, within bounds.
func (w *world) balance(kills int) {
	t := w.t
	w.booksBalance()
	got := map[uint64]bool{}
	var last uint64
	for _, line := range lines(t, w.captured()) {
		seq := seqOf(t, line)
		if got[seq] {
			t.Errorf("message %d is there twice", seq)
		}
		if seq < last {
			t.Errorf("message %d comes after %d: names do not sort by time of capture", seq, last)
		}
		if want := w.tw.Message(seq); !bytes.Equal(line, want) {
			t.Errorf("message %d\n got %s\nwant %s", seq, line, want)
		}
		got[seq], last = true, seq
	}
	lost, lossy, most := 0, 0, 0
	for _, c := range w.tw.Connections() {
		bytesLost, ended := 0, false
		for _, r := range slices.Backward(c.Seqs) {
			for seq := r.Last; seq >= r.First; seq-- {
				switch {
				case got[seq]:
					ended = true
				case ended:
					t.Errorf("message %d is lost though a later one of its connection is there", seq)
				default:
					bytesLost += len(w.tw.Message(seq)) + 1
					lost++
				}
			}
		}
		if bytesLost > 0 {
			lossy++
			most = max(most, bytesLost)
		}
		if limit := mayLose(c.Gzip); bytesLost > limit {
			t.Errorf("a connection of %d messages lost its last %d bytes, at most %d may be", c.Messages, bytesLost, limit)
		}
	}
	sent := w.tw.Sent()
	t.Logf("%d kills, %d sent, %d came back, %d lost over %d connections, %d bytes at most", kills, sent.Messages, len(got), lost, lossy, most)
	if uint64(len(got)+lost) < sent.Messages {
		t.Errorf("%d sent, but only %d came back and %d are accounted for as lost", sent.Messages, len(got), lost)
	}
}
