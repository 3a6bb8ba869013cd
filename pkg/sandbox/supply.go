package sandbox

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// supply is where messages come from. append appends the next message, or the
// one with this number, without a line end; ok is false when there are no more.
type supply interface {
	append(b []byte, seq uint64) (msg []byte, ok bool)
	Close() error
}

// madeUp is the endless supply.
type madeUp struct{ *maker }

func (m madeUp) append(b []byte, seq uint64) ([]byte, bool) { return m.maker.append(b, seq), true }

func (madeUp) Close() error { return nil }

// replay gives a file's lines, byte for byte, without holding the file.
type replay struct {
	loop bool

	mu   sync.Mutex
	file *os.File
	r    *bufio.Reader
	any  bool // a line has been seen since the file's beginning
}

func openReplay(path string, loop bool) (*replay, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the messages to replay: %w", err)
	}
	return &replay{loop: loop, file: f, r: bufio.NewReaderSize(f, 1<<20)}, nil
}

func (p *replay) append(b []byte, _ uint64) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		line, ok := p.line(b)
		if ok {
			return line, true
		}
		if !p.loop || !p.any {
			return b, false
		}
		if _, err := p.file.Seek(0, io.SeekStart); err != nil {
			return b, false
		}
		p.r.Reset(p.file)
		p.any = false
	}
}

// line appends the next line that is not blank.
func (p *replay) line(b []byte) ([]byte, bool) {
	start := len(b)
	for {
		part, err := p.r.ReadSlice('\n')
		b = append(b, part...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		line := bytes.TrimRight(b[start:], "\r\n")
		if len(bytes.TrimSpace(line)) > 0 {
			p.any = true
			return b[:start+len(line)], true
		}
		if err != nil {
			return b[:start], false
		}
		b = b[:start]
	}
}

func (p *replay) Close() error { return p.file.Close() }
