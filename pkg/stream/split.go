package stream

import "bytes"

// framing says how the messages of a connection are kept apart. It is decided
// by what comes first. "The body of a message may contain line feeds, never
// carriage returns; messages are separated by \r\n" (Twitter, processing
// streaming data); other servers send bare line feeds only.
type framing uint8

const (
	undecided framing = iota
	byCRLF            // a line end of CRLF came first
	byLF              // a JSON object ended by a bare LF came first
)

// drop says what a piece was that is not handed out.
type drop uint8

const (
	keepAlive drop = iota // a blank line
	garbage               // no JSON object
	oversize              // a message over the limit; told of its beginning
	torn                  // a message cut off by the end of the connection
)

// splitter turns the bytes of one connection, which may come in any pieces,
// into messages; in which pieces makes no difference. It does no input of its
// own: the caller reads into room and says how much with add. Each byte that
// comes ends up in a message, in a line end, or in what dropped is told of.
type splitter struct {
	buffer
	maxMessage int
	values     bool // any JSON value is a message, not objects alone
	dropped    func(kind drop, text []byte)

	framing  framing
	skipping bool // in a line that is too long, up to its end
	skipsLF  bool // and that may have line feeds inside
	ended    bool // no more bytes will come
	unended  bool // what is judged has no line end: the connection's last bytes
	folded   bool // the line at start has line feeds inside

	check   scanner // while undecided: has followed the text from start
	checked int     // so far

	glued    []byte // what salvage still has to look through
	oneLined int    // while more than this is left of glued, its lines stand alone
	fromLF   int    // how much of glued is left from its next LF on; 0: there is none

	lengths lengths
}

func newSplitter(maxMessage int, dropped func(kind drop, text []byte)) splitter {
	s := splitter{buffer: newBuffer(bufferSize, maxMessage+lineEnd+1), maxMessage: maxMessage, dropped: dropped}
	s.lengths.forget()
	return s
}

// reset forgets a connection and prepares for the next one, on which lengths
// are announced if delimited.
func (s *splitter) reset(delimited bool) {
	s.buffer.clear()
	s.check.reset()
	*s = splitter{
		buffer: s.buffer, maxMessage: s.maxMessage, values: s.values, dropped: s.dropped, check: s.check,
		lengths: lengths{on: delimited, promised: none},
	}
}

// lineEnd is the length of the longest line end.
const lineEnd = len("\r\n")

// finish says that the connection is over: next then hands out the rest.
func (s *splitter) finish() { s.ended = true }

// next returns the next message, or nil when there is none without more bytes.
// It moves nothing in the buffer, so earlier messages stay until room is asked.
func (s *splitter) next() []byte {
	for {
		if s.glued != nil {
			if message := s.salvage(); message != nil {
				return message
			}
			continue
		}
		line, raw := s.line()
		if raw == 0 {
			return nil
		}
		message := s.judge(line, raw)
		s.folded = false
		if message != nil {
			return message
		}
	}
}

// line takes the next line out of the buffer. raw is its length with its line
// end, 0 when there is none yet; the line is empty when there is nothing left
// to judge about it.
func (s *splitter) line() (line []byte, raw int) {
	for s.scanned < s.end {
		i := bytes.IndexByte(s.buf[s.scanned:s.end], '\n')
		if i < 0 {
			s.scanned = s.end
			break
		}
		i += s.scanned
		s.scanned = i + 1
		if crlf := i > s.start && s.buf[i-1] == '\r'; crlf {
			if s.framing == undecided {
				s.framing = byCRLF
			}
			return s.cut(i-1, i+1)
		}
		if s.endsAt(i) {
			return s.cut(i, i+1)
		}
		s.folded = true
	}
	if s.ended && s.start < s.end {
		return s.last()
	}
	s.skip()
	return nil, 0
}

// endsAt reports whether the bare LF at i ends a line.
func (s *splitter) endsAt(i int) bool {
	switch {
	case s.skipping:
		return !s.skipsLF
	case !s.mayFold(s.buf[s.start:i]):
		return true
	case s.framing == byCRLF:
		return false
	}
	return i-s.start > s.maxMessage || s.decides(i)
}

// mayFold reports whether the line that begins so may have line feeds inside:
// only objects do, so that plain text and blank lines end at the first. A line
// that did so once is not looked at again: many blanks may stand before it.
func (s *splitter) mayFold(line []byte) bool {
	return s.framing != byLF && (s.folded || isObject(line[:min(len(line), s.maxMessage+lineEnd)]))
}

// decides reports, while nothing is decided, whether the bare LF at i ends the
// line that begins at start: because it completes an object, which settles
// the framing, or because the text up to it can never be one. Each byte is
// followed once, so a first message of many lines costs no more than others.
func (s *splitter) decides(i int) bool {
	from := s.start + s.checked
	n, found := s.check.scan(s.buf[from : i+1])
	s.checked = i + 1 - s.start
	if found == complete && blank(s.buf[from+n:i]) {
		s.framing = byLF
	}
	return found != unfinished
}

// cut hands out the line from start to end and goes on at next.
func (s *splitter) cut(end, next int) ([]byte, int) {
	line, raw := s.buf[s.start:end], next-s.start
	s.start, s.checked = next, 0
	s.check.reset()
	switch {
	case s.skipping:
		s.skipping = false // its beginning has been reported
		return nil, raw
	case len(line) > s.maxMessage:
		s.lengths.forget()
		s.dropped(oversize, line)
		return nil, raw
	case len(line) == 0:
		s.dropped(keepAlive, nil)
	}
	return line, raw
}

// last takes what stands after the last line end of a connection.
func (s *splitter) last() ([]byte, int) {
	s.unended = true
	if s.buf[s.end-1] == '\r' {
		return s.cut(s.end-1, s.end)
	}
	return s.cut(s.end, s.end)
}

// skip gives up the beginning of a line that is too long. A CR at its end is
// kept, since the LF may be the next byte.
func (s *splitter) skip() {
	pending := s.buf[s.start:s.end]
	if len(pending) < s.maxMessage+lineEnd && !s.skipping || len(pending) == 0 {
		return
	}
	if !s.skipping {
		s.skipping, s.skipsLF = true, s.framing == byCRLF && s.mayFold(pending)
		s.lengths.forget()
		s.dropped(oversize, pending)
	}
	s.start, s.checked = s.end, 0
	s.check.reset()
	if pending[len(pending)-1] == '\r' {
		s.start--
	}
}

// judge returns line if it is a message. What is none is reported, or kept for
// salvage if it may hold some.
func (s *splitter) judge(line []byte, raw int) []byte {
	if len(line) == 0 {
		return nil
	}
	text := line
	if line[0] != '{' || line[len(line)-1] != '}' {
		text = bytes.Trim(line, "\r\n")
	}
	switch {
	case isMessage(text):
		if !s.lengths.kept(len(line), raw) {
			s.dropped(garbage, s.lengths.lie())
		}
		if s.folded {
			flatten(text)
		}
		return text
	case blank(text):
		s.dropped(keepAlive, nil)
	case s.values && !isObject(text) && isJSON(text):
		return text
	case s.lengths.on && isLength(text):
		if s.lengths.promised != none {
			s.dropped(garbage, s.lengths.lie())
		}
		s.lengths.announce(text)
	default:
		s.lengths.forget()
		s.glued, s.oneLined, s.fromLF = text, len(text), len(text)+1
	}
	return nil
}

// flatten turns the line feeds inside a message into spaces: as JSON they are
// the same, as a line of a file they are not.
func flatten(message []byte) {
	for {
		i := bytes.IndexByte(message, '\n')
		if i < 0 {
			return
		}
		message[i] = ' '
		message = message[i+1:]
	}
}

func isObject(text []byte) bool {
	if len(text) > 0 && text[0] == '{' {
		return true
	}
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && text[0] == '{'
}

func blank(text []byte) bool { return len(bytes.TrimLeft(text, " \t\r\n")) == 0 }
