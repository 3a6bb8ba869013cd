package resume

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// header is the first line of what Save returns. The keys follow, eight bytes a
// message, then the latest time of each block of messages; all little endian.
type header struct {
	Stream   string `json:"stream"`
	Position string `json:"position"`
	At       int64  `json:"at"` // Unix microseconds
	Keys     int    `json:"keys"`
	// Passed is how many messages the position is behind, of those of the keys
	// and then of those that recovery will find.
	Passed uint64 `json:"passed"`
}

const number = 8 // bytes

// size returns how many bytes follow the header.
func (h header) size() int { return number * (h.Keys + (h.Keys+block-1)/block) }

// encode writes the saved position and the keys of all messages before end. It
// is valid until the next call.
func (m *Memory) encode(end uint64) []byte {
	r := &m.ring
	end = max(end, r.base)
	h := header{Stream: m.id, Position: m.saved.position, At: m.saved.at, Keys: int(end - r.base)}
	if m.saved.ordinal > r.base {
		h.Passed = m.saved.ordinal - r.base
	}
	m.text = append(m.text[:0], m.header(h)...)
	m.text = slices.Grow(m.text, h.size())
	for ordinal := r.base; ordinal < end; ordinal++ {
		m.text = binary.LittleEndian.AppendUint64(m.text, r.key(ordinal))
	}
	for ordinal := r.base; ordinal < end; ordinal += block { // it may reach into two blocks of the ring
		at := max(r.time(ordinal), r.time(min(ordinal+block, end)-1))
		m.text = binary.LittleEndian.AppendUint64(m.text, uint64(at))
	}
	return m.text
}

func (m *Memory) header(h header) []byte {
	data, err := json.Marshal(h)
	if err != nil {
		return nil // strings and numbers always can be
	}
	return append(data, '\n')
}

// Early returns what Save will, as long as that has returned nothing: a first
// file may take its time, and until it is finished nobody would know where the
// stream stands. It speaks of what is stored by now, and has to be on the disk
// after that. nil: there is nothing to say, or Save has said it.
func (m *Memory) Early() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.saved.position != "" || m.behind.position == "" {
		return nil
	}
	return m.header(header{m.id, m.behind.position, m.behind.at, 0, m.behind.ordinal - m.recalled})
}

// ErrOther says that what was saved is of another stream.
var ErrOther = errors.New("the saved position is that of another stream")

// Load takes over what Save has returned in a process before this one. It
// comes first of all. After an error nothing is taken over: capture begins
// with what comes now.
func (m *Memory) Load(saved []byte) error {
	line, keys, ok := bytes.Cut(saved, []byte{'\n'})
	var h header
	if err := json.Unmarshal(line, &h); err != nil || !ok {
		return errors.New("the saved position cannot be read")
	}
	if h.Stream != m.id {
		return fmt.Errorf("%w: %s", ErrOther, h.Stream)
	}
	if h.Keys < 0 || h.Keys > maxKeys || len(keys) != h.size() {
		return errors.New("the saved position is not whole")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	times := keys[number*h.Keys:]
	for i := range h.Keys {
		at := int64(binary.LittleEndian.Uint64(times[i/block*number:]))
		m.ring.push(binary.LittleEndian.Uint64(keys[i*number:]), at)
		m.latest = max(m.latest, at)
	}
	m.stored = uint64(h.Keys)
	m.saved = mark{h.Position, h.Passed, h.At}
	m.newest, m.behind, m.recalled = m.saved, m.saved, m.stored
	if m.exact() { // what has no id of its own may come again under this one
		m.last = place{[]byte(m.kind.ID(h.Position)), []byte(h.Position), h.Passed, h.At}
	}
	return nil
}
