package sandbox

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"sync"

	"github.com/storj/twitter-stream/pkg/sandbox/recorded"
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

// replay gives the lines of one file or of many, byte for byte, without holding
// them.
type replay struct {
	loop  bool
	files []string

	mu   sync.Mutex
	next int // of files
	file io.ReadCloser
	r    *bufio.Reader
	any  bool // a line has been seen since the beginning
}

func openReplay(path string, loop bool) (*replay, error) {
	files, err := recorded.Files(path)
	if err != nil {
		return nil, err
	}
	p := &replay{loop: loop, files: files, r: bufio.NewReaderSize(nil, 1<<20)}
	return p, p.advance()
}

// advance goes on to the next file, or to the first.
func (p *replay) advance() error {
	if p.file != nil {
		_ = p.file.Close() // only read
	}
	if p.next == len(p.files) {
		p.next, p.any = 0, false
	}
	file, err := recorded.Open(p.files[p.next])
	if err != nil {
		return err
	}
	p.next++
	p.file = file
	p.r.Reset(file)
	return nil
}

func (p *replay) append(b []byte, _ uint64) ([]byte, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		line, ok := p.line(b)
		if ok {
			return line, true
		}
		if p.next == len(p.files) && (!p.loop || !p.any) || p.advance() != nil {
			return b, false
		}
	}
}

// line appends the file's next line that is not blank.
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
