package stream

import (
	"bytes"
	"unicode/utf8"
)

const (
	// eventMargin is how much an event may hold beside its data: names of
	// fields, an id, comments.
	eventMargin = 64 << 10
	// maxEventID is the longest id that is remembered; Wikimedia's are some
	// hundreds of bytes.
	maxEventID = 4 << 10
	// maxEventName is how much of an event's name is kept.
	maxEventName = 256
)

// events turns the bytes of one connection into messages as the standard of
// server-sent events says (WHATWG HTML, 9.2.6): lines ended by LF, CR or CRLF,
// an event ended by a blank line. Of an event the data is the message, its
// lines joined by a blank where the standard has a line feed: as JSON they are
// the same. An event that the connection's end cuts off is torn.
//
// It does no input of its own, as splitter.
type events struct {
	buffer
	maxMessage int
	dropped    func(kind drop, text []byte)
	named      bool // a message is {"event":…,"payload":…}: Mastodon, whose ids are in the payload

	line     int  // where the line that is being read begins, from start
	begun    bool // anything has come on this connection
	afterCR  bool // a line was ended by CR: an LF that follows belongs to it
	skipping bool // in an event that is too long, up to its end
	halfway  bool // while skipping: the line that is being read is not blank
	ended    bool

	fields  fields    // of the event that was looked at last
	scratch [2][]byte // named messages: the one handed out last, and the next
	turn    int
}

func newEvents(maxMessage int, dropped func(kind drop, text []byte)) events {
	return events{buffer: newBuffer(bufferSize, maxMessage+eventMargin), maxMessage: maxMessage, dropped: dropped}
}

// reset forgets a connection. The last id stays: it is where the next one goes on.
func (e *events) reset(named bool) {
	e.buffer.clear()
	*e = events{
		buffer: e.buffer, maxMessage: e.maxMessage, dropped: e.dropped, named: named, scratch: e.scratch,
		fields: fields{name: e.fields.name[:0], id: e.fields.id},
	}
}

func (e *events) finish() { e.ended = true }

// next returns the next message, or nil when there is none without more bytes.
// It moves nothing in the buffer.
func (e *events) next() []byte {
	if !e.begun && !e.begin() {
		return nil
	}
	for e.scanned < e.end {
		n, size := e.lineEnd(e.buf[e.scanned:e.end])
		if n < 0 {
			e.scanned = e.end
			break
		}
		line := e.buf[e.start+e.line : e.scanned+n]
		first := e.line == 0
		e.scanned += n + size
		e.line = e.scanned - e.start
		if message := e.took(line, first); message != nil {
			return message
		}
	}
	e.overflow()
	if e.ended && e.start < e.end {
		if !e.skipping {
			e.dropped(torn, e.pending())
		}
		e.consume()
	}
	return nil
}

// begin passes over a byte order mark, the only thing that may stand before
// the first line, and reports whether enough has come to tell.
func (e *events) begin() bool {
	const mark = "\ufeff"
	pending := e.pending()
	if len(pending) < len(mark) && bytes.HasPrefix([]byte(mark), pending) && !e.ended {
		return false
	}
	e.begun = true
	if bytes.HasPrefix(pending, []byte(mark)) {
		e.start += len(mark)
		e.scanned = e.start
	}
	return true
}

// lineEnd returns where in text, which goes on with a line, that line ends and
// the length of its end; -1 if it does not. A CR at the end of what has come
// is a line's end: an LF that follows is passed over.
func (e *events) lineEnd(text []byte) (at, size int) {
	if e.afterCR && text[0] == '\n' { // an empty rest of the line end before
		e.afterCR = false
		e.scanned++
		if e.line == 0 {
			e.consume()
		} else {
			e.line++
		}
		if text = text[1:]; len(text) == 0 {
			return -1, 0
		}
	}
	at, size = endOfLine(text)
	e.afterCR = at >= 0 && text[at] == '\r' && at+1 == len(text)
	return at, size
}

// endOfLine returns where the first line of text ends and the length of its
// end; -1 if it does not.
func endOfLine(text []byte) (at, size int) {
	at = bytes.IndexByte(text, '\n')
	line := text
	if at >= 0 {
		line = text[:at]
	}
	switch cr := bytes.IndexByte(line, '\r'); {
	case cr < 0:
		return at, 1
	case cr+1 == at:
		return cr, 2
	default:
		return cr, 1
	}
}

// took looks at a whole line, without its end: a blank one completes an event.
// first says that nothing of an event came before it.
func (e *events) took(line []byte, first bool) []byte {
	switch {
	case e.skipping:
		if len(line) == 0 && !e.halfway {
			e.skipping = false
		}
		e.halfway = false
		e.consume()
	case len(line) == 0:
		event := e.buf[e.start : e.start+e.line]
		e.consume()
		return e.message(event)
	case first && line[0] == ':':
		e.dropped(keepAlive, nil)
		e.consume()
	}
	return nil
}

// consume forgets all up to where lines have been looked at.
func (e *events) consume() { e.start, e.line = e.scanned, 0 }

// overflow gives up the beginning of an event that is too long.
func (e *events) overflow() {
	pending := e.pending()
	if len(pending) == 0 || !e.skipping && len(pending) < e.maxMessage+eventMargin-1 {
		return
	}
	if !e.skipping {
		e.skipping = true
		e.dropped(oversize, pending)
	}
	e.halfway = e.halfway || e.line < len(pending)
	e.scanned = e.end
	e.consume()
}

// message returns the message of an event, nil if it has none.
func (e *events) message(event []byte) []byte {
	f := &e.fields
	f.read(event)
	switch {
	case !f.hasData && !(e.named && len(f.name) > 0):
		if len(event) > 1 {
			e.dropped(keepAlive, nil) // an id or a heartbeat
		}
		return nil
	case len(f.data) > e.maxMessage:
		e.dropped(oversize, f.data)
		return nil
	case e.named:
		return e.compose(f.name, f.data)
	}
	text := trimSpace(f.data)
	if !isJSON(text) {
		e.dropped(garbage, f.data)
		return nil
	}
	return text
}

// compose makes {"event":…,"payload":…}. A payload's bytes stay as they are;
// what is no JSON ("undefined", for filters_changed) becomes null, and an
// event's name that would need escapes is no event.
func (e *events) compose(name, payload []byte) []byte {
	if len(name) == 0 {
		name = []byte("message")
	}
	if !plainName(name) {
		e.dropped(garbage, name)
		return nil
	}
	payload = trimSpace(payload)
	switch {
	case len(payload) == 0 || string(payload) == "undefined":
		payload = []byte("null")
	case !isJSON(payload):
		e.dropped(garbage, payload)
		return nil
	}
	e.turn = 1 - e.turn
	b := e.scratch[e.turn][:0]
	if cap(b) > eventMargin && len(payload) < eventMargin { // a large one is not kept for ever
		b = nil
	}
	e.scratch[e.turn] = appendEvent(b, name, payload)
	return e.scratch[e.turn]
}

func appendEvent(b, name, payload []byte) []byte {
	b = append(append(append(b, `{"event":"`...), name...), `","payload":`...)
	return append(append(b, payload...), '}')
}

func plainName(name []byte) bool {
	for _, c := range name {
		if c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return utf8.Valid(name)
}

// fields are those of one event.
type fields struct {
	name    []byte
	data    []byte // in the event's own bytes
	hasData bool
	id      []byte // of the last event that had one
}

// read takes the fields out of an event's lines. Lines of data after the first
// are moved up behind it, over what stood between: so all else is copied.
func (f *fields) read(event []byte) {
	f.name, f.data, f.hasData = f.name[:0], nil, false
	for len(event) > 0 {
		line := event
		if at, size := endOfLine(event); at >= 0 {
			line, event = event[:at], event[at+size:]
		} else {
			event = nil
		}
		name, value := line, []byte(nil)
		if colon := bytes.IndexByte(line, ':'); colon >= 0 {
			name, value = line[:colon], line[colon+1:]
			if len(value) > 0 && value[0] == ' ' {
				value = value[1:]
			}
		}
		f.set(name, value)
	}
}

func (f *fields) set(name, value []byte) {
	switch string(name) {
	case "event":
		f.name = append(f.name[:0], value[:min(len(value), maxEventName)]...)
	case "data":
		if !f.hasData {
			f.data, f.hasData = value, true
			return
		}
		f.data = append(append(f.data, ' '), value...)
	case "id":
		if len(value) <= maxEventID && bytes.IndexByte(value, 0) < 0 {
			f.id = append(f.id[:0], value...)
		}
	}
}
