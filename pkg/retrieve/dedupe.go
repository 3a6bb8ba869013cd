package retrieve

import (
	"bufio"
	"errors"
	"io"

	"github.com/storj/twitter-stream/pkg/network"
)

// Dedupe leaves messages out that were written already: what two machines have
// that recorded one stream, and what a source without names sent again.
//
// Messages that their network names are known by their names. Others are known
// by their bytes, and as often as a source has them they are written: of two
// that one source has, and another has twice as well, two are left. Messages
// that are sent once only by any server (no key) are all kept.
//
// It knows at least the last Window messages that it saw; of what comes again
// later than that it writes a second copy. Memory is some 28 bytes a message of
// the window, and where the network gives no names 72 more for each source; none
// for what has not come yet.
type Dedupe struct {
	Kind   network.Kind
	Window int // messages

	seen   generations[struct{}]
	counts map[int]*generations[uint32] // by source: how often it had what has no name
}

// DefaultWindow is the usual one: an hour of 500 messages a second.
const DefaultWindow = 2_000_000

// generations is a map that forgets: what was not put again while as many
// others came as it holds.
type generations[V any] struct{ newer, older map[uint64]V }

func (g *generations[V]) get(key uint64) (v V, ok bool) {
	if v, ok = g.newer[key]; !ok {
		v, ok = g.older[key]
	}
	return v, ok
}

func (g *generations[V]) put(key uint64, v V, most int) {
	if g.newer == nil {
		g.newer = map[uint64]V{}
	}
	g.newer[key] = v
	if len(g.newer) >= most {
		g.older, g.newer = g.newer, nil
	}
}

// fresh reports whether a message is to be written.
func (d *Dedupe) fresh(source int, message []byte) bool {
	what := d.Kind.Identify(message)
	if what.Key == 0 {
		return true
	}
	key := what.Key
	if !what.Named {
		key ^= uint64(d.nth(source, key)-1) * 0x9e3779b97f4a7c15
	}
	_, again := d.seen.get(key)
	d.seen.put(key, struct{}{}, max(d.Window, 1))
	return !again
}

// nth counts a source's messages of the same bytes. It remembers for longer than
// what was seen is known, so that none is taken for one before it.
func (d *Dedupe) nth(source int, key uint64) uint32 {
	if d.counts == nil {
		d.counts = map[int]*generations[uint32]{}
	}
	g := d.counts[source]
	if g == nil {
		g = &generations[uint32]{}
		d.counts[source] = g
	}
	n, _ := g.get(key)
	g.put(key, n+1, 2*max(d.Window, 1))
	return n + 1
}

// filtered is what is left of a file.
type filtered struct {
	*temp
	have measure
	out  uint64 // messages that were left out
}

// filter copies the messages that were not written yet.
func (d *Dedupe) filter(temps *temps, j *job, durably bool) (left filtered, err error) {
	from, err := j.got.again()
	if err != nil {
		return left, err
	}
	if left.temp, err = temps.make(); err != nil {
		return left, err
	}
	m := newMeter(left.temp)
	to := bufio.NewWriterSize(m, 64<<10)
	err = eachMessage(from, func(message, end []byte) error {
		if !d.fresh(j.file.Source, message) {
			left.out++
			return nil
		}
		_, _ = to.Write(message) // the error stays
		_, err := to.Write(end)
		return err
	})
	if ferr := to.Flush(); err == nil {
		err = ferr
	}
	if err == nil {
		err = left.flush(durably)
	}
	if err != nil {
		left.remove()
		return left, err
	}
	left.have = m.measure()
	return left, nil
}

// eachMessage calls each with every line, and its line end apart.
func eachMessage(from io.Reader, each func(message, end []byte) error) error {
	in := bufio.NewReaderSize(from, 256<<10)
	var long []byte
	for {
		line, err := in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			long = append(long, line...)
			continue
		}
		if len(long) > 0 {
			line = append(long, line...)
			long = line[:0]
		}
		if n := len(line); n > 0 {
			cut := n
			if line[n-1] == '\n' {
				cut--
			}
			if err := each(line[:cut], line[cut:]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return &targetError{err}
		}
	}
}
