package resume

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// header is the first line of what Save returns; the keys follow, 16 bytes a
// message, little endian.
type header struct {
	Stream   string `json:"stream"`
	Position string `json:"position"`
	At       int64  `json:"at"` // Unix microseconds
	Keys     int    `json:"keys"`
	// Passed is how many messages the position is behind, of those of the keys
	// and then of those that recovery will find.
	Passed uint64 `json:"passed"`
}

const entrySize = 16

// encode writes the saved position and the keys of all messages before end.
func (m *Memory) encode(end uint64) []byte {
	n := 0
	if end > m.ring.base {
		n = min(m.ring.n, int(end-m.ring.base))
	}
	passed := uint64(0)
	if m.saved.ordinal > m.ring.base {
		passed = m.saved.ordinal - m.ring.base
	}
	data := m.header(header{m.id, m.saved.position, m.saved.at, n, passed})
	m.ring.each(func(ordinal uint64, e entry) {
		if ordinal < end {
			data = binary.LittleEndian.AppendUint64(data, e.key)
			data = binary.LittleEndian.AppendUint64(data, uint64(e.at))
		}
	})
	return data
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
	if len(keys) != h.Keys*entrySize || h.Keys > maxEntries {
		return errors.New("the saved position is not whole")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for ; len(keys) > 0; keys = keys[entrySize:] {
		e := entry{binary.LittleEndian.Uint64(keys), int64(binary.LittleEndian.Uint64(keys[8:]))}
		m.ring.push(e)
		m.latest = max(m.latest, e.at)
		m.stored++
	}
	m.saved = mark{h.Position, h.Passed, h.At}
	m.newest, m.behind, m.recalled = m.saved, m.saved, m.stored
	return nil
}
