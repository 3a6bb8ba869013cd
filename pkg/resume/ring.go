package resume

// entry is what is remembered of a message.
type entry struct {
	key uint64
	at  int64 // Unix microseconds
}

// maxEntries bounds the memory: 16 MiB. At a hundred thousand messages a second
// it is ten seconds' worth.
const maxEntries = 1 << 20

// ring holds the entries of consecutive messages, the oldest first.
type ring struct {
	base    uint64  // ordinal of the oldest
	entries []entry // a power of two of them
	head, n int
}

// next returns the ordinal that the next message will have.
func (r *ring) next() uint64 { return r.base + uint64(r.n) }

func (r *ring) empty() bool { return r.n == 0 }

func (r *ring) oldest() entry { return r.entries[r.head] }

func (r *ring) drop() {
	r.head = (r.head + 1) & (len(r.entries) - 1)
	r.n--
	r.base++
}

// skip counts a message that is not remembered, and forgets those before it.
func (r *ring) skip() {
	r.base = r.next() + 1
	r.head, r.n = 0, 0
}

func (r *ring) push(e entry) {
	if r.n == len(r.entries) {
		if r.n == maxEntries {
			r.drop()
		} else {
			r.grow()
		}
	}
	r.entries[(r.head+r.n)&(len(r.entries)-1)] = e
	r.n++
}

func (r *ring) grow() {
	larger := make([]entry, max(1024, 2*len(r.entries)))
	n := copy(larger, r.entries[r.head:])
	copy(larger[n:], r.entries[:r.head])
	r.entries, r.head = larger, 0
}

func (r *ring) each(visit func(ordinal uint64, e entry)) {
	for i := range r.n {
		visit(r.base+uint64(i), r.entries[(r.head+i)&(len(r.entries)-1)])
	}
}

// seen is a multiset of keys: open addressing, linear probing.
type seen struct {
	slots []uint64
	n     int // slots in use, freed ones included
	live  int
}

// The keys that mean something to the table.
const (
	vacant = 0
	freed  = 1
)

func (s *seen) used() bool { return s.live > 0 }

func (s *seen) clear() { *s = seen{} }

func slot(key uint64) uint64 {
	if key <= freed { // one in 2^63 shares its place with another
		return key + 2
	}
	return key
}

func (s *seen) add(key uint64) {
	if 4*(s.n+1) > 3*len(s.slots) {
		s.grow()
	}
	key = slot(key)
	i := key & uint64(len(s.slots)-1)
	for s.slots[i] != vacant {
		i = (i + 1) & uint64(len(s.slots)-1)
	}
	s.slots[i] = key
	s.n++
	s.live++
}

func (s *seen) grow() {
	old := s.slots
	*s = seen{slots: make([]uint64, max(1024, 2*len(old)))}
	for _, key := range old {
		if key > freed {
			s.add(key)
		}
	}
}

func (s *seen) find(key uint64) (i uint64, ok bool) {
	key = slot(key)
	for i = key & uint64(len(s.slots)-1); s.slots[i] != vacant; i = (i + 1) & uint64(len(s.slots)-1) {
		if s.slots[i] == key {
			return i, true
		}
	}
	return i, false
}

func (s *seen) has(key uint64) bool {
	_, ok := s.find(key)
	return ok
}

// take removes one of the key's copies.
func (s *seen) take(key uint64) bool {
	i, ok := s.find(key)
	if ok {
		s.slots[i] = freed
		s.live--
	}
	return ok
}
