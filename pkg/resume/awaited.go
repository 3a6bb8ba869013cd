package resume

import "github.com/storj/twitter-stream/pkg/network"

// awaited is what may come again on this connection, and whether it does.
type awaited struct {
	on      bool
	index   index
	latest  int64 // time of a message before the connection
	overlap int64 // microseconds
	until   int64 // by the clock
	strange int   // so many others may still come in between, where positions are exact
	exact   bool
	judged  bool  // whether the server began where it was asked to is known
	begins  int64 // so far back X was asked to begin, which need not be where it ended; 0: another kind
}

// gap is what a server does not have any more; to is 0 where there is none, from
// is 0 where it could only be asked for what came since to.
type gap struct{ from, to int64 }

// await expects all that may come again on a connection that begins at the
// newest position.
func (m *Memory) await() {
	m.awaited, m.asked = awaited{}, m.newest.position != ""
	if m.newest.position == "" {
		return
	}
	from := m.ring.base
	if m.exact() {
		from = max(from, m.newest.ordinal)
	}
	a := awaited{
		on: true, exact: m.exact(), latest: max(m.newest.at, m.latest), overlap: m.kind.Overlap().Microseconds(),
		until: m.clock() + patience.Microseconds(),
	}
	a.index.fill(&m.ring, from)
	a.strange = 2*a.index.live + sampleEvery
	m.awaited = a
}

// comesAgain looks whether a message of this connection is stored already.
func (m *Memory) comesAgain(what network.Identity, now int64, g *gap) bool {
	a := &m.awaited
	if !a.on || what.Key == 0 { // such a one comes once only
		return false
	}
	if !a.judged && a.begins != 0 {
		a.judged = true
		if a.begins > a.latest {
			*g = gap{0, a.begins}
		}
	}
	if i, ok := a.index.find(&m.ring, what.Key); ok {
		a.judged = true
		if !what.Named {
			a.index.free(i) // two may be alike: as many are dropped as are stored
		}
		return true
	}
	if !a.judged && what.At > a.latest+a.overlap { // of what should come again, nothing came first
		a.judged = true
		*g = gap{a.latest, what.At}
	}
	if a.over(what.At, now) {
		*a = awaited{}
	}
	return false
}

// over reports, at a message that is new, whether all that comes from now on is.
//
// Another instance of a server may have stamped the same messages with later
// times: they are looked for a while after the overlap is over.
func (a *awaited) over(at, now int64) bool {
	switch {
	case a.exact:
		a.strange--
		return a.index.live == 0 || a.strange < 0
	case at != 0:
		return at > a.latest+3*a.overlap
	}
	return now > a.until
}

// add expects a message that has just come, the last of the ring, once more,
// where there is room: a server may repeat itself.
func (a *awaited) add(r *ring, what network.Identity) {
	if a.on && what.Named {
		a.index.add(r, r.next-1)
	}
}
