package resume

import "bytes"

// Stored is told of whole lines that are in the working file now, in the order
// in which Fresh let them through.
func (m *Memory) Stored(lines []byte) {
	n := uint64(bytes.Count(lines, []byte{'\n'}))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.advance(n)
}

func (m *Memory) advance(n uint64) {
	m.stored += n
	done := 0
	for done < len(m.onWay) && m.onWay[done].ordinal <= m.stored {
		m.behind = m.onWay[done]
		done++
	}
	m.onWay = append(m.onWay[:0], m.onWay[done:]...)
}

// Cut ends a file: all that is stored so far is in this one or in one before.
// Its number is for Save.
func (m *Memory) Cut() (number uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.cuts = append(m.cuts, cut{m.stored, m.behind})
	return m.first + uint64(len(m.cuts)) - 1
}

// Position returns the last position that is stored, or was noted before; ""
// where there is none.
func (m *Memory) Position() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.behind.position
}

// Asked reports whether the present connection was asked to begin where the
// one before it ended.
func (m *Memory) Asked() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked
}

// Save returns what New's successor needs when all files up to that cut are
// finished: nil if there is nothing to remember. It is to be on the disk before
// the files get their final names, for then they may be shipped and be gone.
// Number 0 stands for what Recall was told of. It is valid until the next call.
func (m *Memory) Save(number uint64) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	end := cut{ordinal: m.ring.base, mark: m.saved}
	if number == 0 {
		end.ordinal = m.recalled
	}
	for m.first <= number && len(m.cuts) > 0 {
		end, m.cuts = m.cuts[0], m.cuts[1:]
		m.first++
	}
	m.saved = end.mark
	m.forget()
	if m.saved.position == "" {
		return nil
	}
	return m.encode(end.ordinal)
}

// forget drops the keys of what does not come again after the saved position:
// what is older than the overlap before it.
func (m *Memory) forget() {
	r := &m.ring
	if m.exact() {
		r.base = max(r.base, min(m.saved.ordinal, r.next))
		return
	}
	oldest := m.saved.at - (m.kind.Overlap() + slack).Microseconds()
	for r.len() > least && r.base < m.saved.ordinal && r.time(r.base) < oldest {
		r.base++
	}
}

// Recall is told, one by one and in their order, of the messages that a dead
// process has left in the store and that are going to be finished. It comes
// after Load and before the first Prepare. Files of which Load has told are none
// of them: their keys would count twice.
func (m *Memory) Recall(message []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock()
	what := m.identify(message, now)
	at := what.At
	if at == 0 {
		at = now
	}
	m.ring.push(what.Key, at)
	m.latest = max(m.latest, at)
	m.stored++
	m.recalled = m.stored
}
