package wire

import (
	"bytes"
	"compress/gzip"
	"strconv"
)

// Encoder turns messages into the bytes of a response's body as they go onto
// the wire, and knows which of them have gone once so many bytes have.
type Encoder struct {
	chunked   bool // we write HTTP's chunks ourselves
	chunkSize int  // 0: a chunk a message, as Twitter's mostly were
	zip       *gzip.Writer
	body      bytes.Buffer // what the messages of a batch come to
	ends      []int        // where each message ends in body
	wire      []byte
	wireEnds  []int // where each message ends in wire
}

// NewEncoder returns an encoder. zip compresses; chunked makes HTTP's chunks, of
// so many bytes or, with a chunkSize of 0, one a message.
func NewEncoder(zip, chunked bool, chunkSize int) *Encoder {
	e := &Encoder{chunked: chunked, chunkSize: chunkSize}
	if zip {
		// Level 1: the sandbox shall not be what limits a capture.
		e.zip, _ = gzip.NewWriterLevel(&e.body, gzip.BestSpeed)
	}
	return e
}

// Add encodes one message with its line end. gzip is flushed behind each, as
// Twitter did, so that a client has it at once.
func (e *Encoder) Add(frame []byte) {
	if e.zip == nil {
		e.body.Write(frame)
	} else { // writes to a buffer do not fail
		e.zip.Write(frame)
		e.zip.Flush()
	}
	e.ends = append(e.ends, e.body.Len())
}

// Batch returns the wire bytes of everything added and forgets it. They are
// valid until the next call.
func (e *Encoder) Batch() []byte {
	e.wire, e.wireEnds = e.wire[:0], e.wireEnds[:0]
	body, ends := e.body.Bytes(), e.ends
	done := 0
	for start := 0; start < len(body); {
		end := len(body)
		switch {
		case !e.chunked:
		case e.chunkSize > 0:
			end = min(end, start+e.chunkSize)
		case done < len(ends):
			end = ends[done]
		}
		if e.chunked {
			e.wire = strconv.AppendInt(e.wire, int64(end-start), 16)
			e.wire = append(e.wire, "\r\n"...)
		}
		base := len(e.wire)
		e.wire = append(e.wire, body[start:end]...)
		for ; done < len(ends) && ends[done] <= end; done++ {
			e.wireEnds = append(e.wireEnds, base+ends[done]-start)
		}
		if e.chunked {
			e.wire = append(e.wire, "\r\n"...)
		}
		start = end
	}
	e.body.Reset()
	e.ends = e.ends[:0]
	return e.wire
}

// Gone tells how many messages of the last batch are whole within its first n
// bytes.
func (e *Encoder) Gone(n int) (messages int) {
	for messages < len(e.wireEnds) && e.wireEnds[messages] <= n {
		messages++
	}
	return messages
}

// Finish returns the wire bytes that end a body in good order.
func (e *Encoder) Finish() []byte {
	if e.zip != nil {
		e.zip.Close()
	}
	wire := e.Batch()
	if e.chunked {
		wire = append(wire, "0\r\n\r\n"...)
	}
	return wire
}

// Len is how many bytes have been added since the last batch.
func (e *Encoder) Len() int { return e.body.Len() }
