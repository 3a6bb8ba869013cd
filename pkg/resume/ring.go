package resume

const (
	// maxRing bounds the memory: 8 MiB.
	maxRing = 1 << 20
	// maxKeys is how many messages are remembered at most, at a hundred thousand
	// a second nine seconds' worth. An index of them fits into as many slots.
	maxKeys = maxRing / 8 * 7
	// block is how many consecutive messages share a time, the latest of theirs.
	block = 64
)

// ring holds the keys of consecutive messages, by their ordinals.
type ring struct {
	base, next uint64   // ordinals of the oldest and of the next message
	keys       []uint64 // a power of two of them; what is older than base stays until it is overwritten
	times      []int64  // of each block, Unix microseconds
}

func (r *ring) len() int { return int(r.next - r.base) }

func (r *ring) key(ordinal uint64) uint64 { return r.keys[ordinal&uint64(len(r.keys)-1)] }

// time returns when a message came, or a later time.
func (r *ring) time(ordinal uint64) int64 { return *r.timeOf(ordinal) }

func (r *ring) timeOf(ordinal uint64) *int64 {
	return &r.times[ordinal/block&uint64(len(r.times)-1)]
}

// skip counts a message that is not remembered, and forgets those before it.
func (r *ring) skip() {
	r.next++
	r.base = r.next
}

// push remembers a message. At most maxKeys are: the oldest goes.
func (r *ring) push(key uint64, at int64) {
	switch r.len() {
	case maxKeys:
		r.base++
	case len(r.keys):
		r.grow()
	}
	r.keys[r.next&uint64(len(r.keys)-1)] = key
	if latest := r.timeOf(r.next); r.next%block == 0 || r.next == r.base || at > *latest {
		*latest = at
	}
	r.next++
}

// grow keeps also what is older than base: it may still be looked for.
func (r *ring) grow() {
	size := max(16*block, 2*len(r.keys))
	larger := ring{base: r.base, next: r.next, keys: make([]uint64, size), times: make([]int64, size/block)}
	for back := uint64(1); back <= min(uint64(len(r.keys)), r.next); back++ {
		ordinal := r.next - back
		larger.keys[ordinal&uint64(size-1)] = r.key(ordinal)
		*larger.timeOf(ordinal) = r.time(ordinal)
	}
	*r = larger
}

// index finds messages of a ring by their keys: open addressing, linear
// probing. It holds four bytes a message, and a key as often as it was added.
type index struct {
	slots []uint32 // vacant, freed, or an ordinal modulo a power of two, and used
	taken int      // slots that are not vacant
	live  int
}

const (
	vacant = 0
	freed  = 1
	used   = 2
)

// leastSlots is room for tens of thousands of messages: 256 KiB.
const leastSlots = 64 << 10

// fill takes in all messages from an ordinal on, and no others.
func (x *index) fill(r *ring, from uint64) {
	size := leastSlots
	for int(r.next-from) > size/8*7 {
		size *= 2
	}
	*x = index{slots: make([]uint32, size)}
	for ordinal := from; ordinal < r.next; ordinal++ {
		if r.key(ordinal) != 0 { // else it never comes again
			x.add(r, ordinal)
		}
	}
}

// add takes in a message of the ring, if there is room.
func (x *index) add(r *ring, ordinal uint64) {
	if x.taken == len(x.slots)/8*7 {
		return
	}
	i := r.key(ordinal) & uint64(len(x.slots)-1)
	for x.slots[i] != vacant {
		i = (i + 1) & uint64(len(x.slots)-1)
	}
	x.slots[i] = uint32(ordinal&(maxRing-1)) + used
	x.taken++
	x.live++
}

// find returns the slot of a message with that key.
func (x *index) find(r *ring, key uint64) (i uint64, ok bool) {
	if x.live == 0 {
		return 0, false
	}
	for i = key & uint64(len(x.slots)-1); x.slots[i] != vacant; i = (i + 1) & uint64(len(x.slots)-1) {
		if slot := x.slots[i]; slot >= used && r.key(uint64(slot-used)) == key {
			return i, true
		}
	}
	return 0, false
}

// free takes one message out again.
func (x *index) free(i uint64) {
	x.slots[i] = freed
	x.live--
}
