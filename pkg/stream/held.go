package stream

import "net/http"

const (
	// inflated is how many times as much gzip makes of what came, at most: seven
	// to thirteen times with messages.
	inflated = 13
	// inflaterWindow is what an inflater holds of what it has inflated.
	inflaterWindow = 32 << 10
)

// settle lets a connection read as much at a time as a kill may take: more
// where what comes is not going to be inflated. It says how much of messages
// may then wait between the socket and who calls Next, in bytes.
func (c *connection) settle(resp *http.Response, gzip bool) {
	wire := int64(narrowRead)
	if resp.ProtoMajor < 2 && !gzip && !c.socket {
		wire = readBuffer
	}
	setLimit(c.conn, wire)
	wire *= 2 // in the transport and beneath TLS
	if resp.ProtoMajor == 2 {
		wire = streamWindow + narrowRead + frameBuffer
	}
	switch {
	case gzip:
		wire = (wire+inflaterBuffer)*inflated + inflaterWindow
	case c.socket: // whose messages may be packed, each by itself
		wire *= inflated
	}
	if c.ahead != nil {
		wire += aheadBytes
	}
	c.held = int(wire) + bufferSize
}
