package stream

import "bytes"

// salvage hands out, one a call, the whole objects of a line that is no
// message as it stands: objects that were glued together, or good lines that
// followed a bad one before the framing was known. What follows an object
// that breaks off is garbage to the line's end, braces or not: a piece from
// inside a torn message must never pass for a message.
func (s *splitter) salvage() []byte {
	for {
		s.glued = bytes.TrimLeft(s.glued, " \t\r\n")
		if len(s.glued) == 0 {
			s.glued = nil
			return nil
		}
		text := s.reach()
		n, found := 0, broken
		if text[0] == '{' {
			s.check.reset()
			n, found = s.check.scan(text)
			s.check.reset()
		}
		if found == complete {
			return s.whole(n)
		}
		s.discard(len(text), n, found)
	}
}

// reach returns how much of the glued text an object may take: a line where
// lines stand alone.
func (s *splitter) reach() []byte {
	if s.linewise() {
		line, _ := s.firstLine()
		return line
	}
	return s.glued
}

// firstLine returns the glued text up to its first LF, all of it if there is
// none. An LF is looked for once and not for each object before it: megabytes
// of small objects without one would else take minutes.
func (s *splitter) firstLine() (line []byte, lf bool) {
	if s.fromLF > len(s.glued) { // it is used up, or has not been looked for
		s.fromLF = 0
		if i := bytes.IndexByte(s.glued, '\n'); i >= 0 {
			s.fromLF = len(s.glued) - i
		}
	}
	return s.glued[:len(s.glued)-s.fromLF], s.fromLF > 0
}

func (s *splitter) linewise() bool { return s.framing == byLF || len(s.glued) > s.oneLined }

// whole takes an object of n bytes off the glued text. If an LF follows it
// while nothing is decided, messages end so on this connection.
func (s *splitter) whole(n int) []byte {
	message := s.glued[:n]
	s.glued = s.glued[n:]
	rest, lf := s.firstLine()
	flatten(message)
	if s.framing == undecided && blank(rest) && (lf || !s.unended) {
		s.framing = byLF
	}
	return message
}

// discard drops what does not begin with a whole object: all of it, since an
// object may have line feeds inside; but of plain text the first line alone,
// and of an object too while the framing is unknown. Then the lines up to
// where it broke are taken one by one, so that none is looked at more than
// twice.
func (s *splitter) discard(length, n int, found progress) {
	kind, size := garbage, length
	switch i := bytes.IndexByte(s.glued[:length], '\n'); {
	case found == unfinished && s.unended && length == len(s.glued):
		kind = torn
	case i >= 0 && (s.framing == undecided || s.glued[0] != '{'):
		size = i
		s.oneLined = 0
		if end := bytes.IndexByte(s.glued[n:], '\n'); end >= 0 {
			s.oneLined = len(s.glued) - n - end
		}
	}
	s.dropped(kind, s.glued[:size])
	s.glued = s.glued[size:]
}
