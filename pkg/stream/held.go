package stream

import "net/http"

const (
	// inflated is how many times as much gzip makes of what came, at most: seven
	// to thirteen times with messages.
	inflated = 13
	// inflaterWindow is what an inflater holds of what it has inflated.
	inflaterWindow = 32 << 10
)

// settle has an answered connection read as much at a time as it may: more where
// what comes is not going to be inflated. held is then what may wait between
// the socket and who calls Next.
func (c *connection) settle(resp *http.Response, gzip bool) {
	waits := int64(narrowRead)
	if resp.ProtoMajor < 2 && !gzip && !c.socket {
		waits = readBuffer
	}
	setLimit(c.conn, waits)
	waits *= 2 // in the transport and beneath TLS
	if resp.ProtoMajor == 2 {
		waits = streamWindow + narrowRead + frameBuffer
	}
	switch {
	case gzip:
		waits = (waits+inflaterBuffer)*inflated + inflaterWindow
	case c.socket: // whose messages may be packed, each by itself
		waits *= inflated
	}
	if c.ahead != nil {
		waits += aheadBytes
	}
	c.held = int(waits) + bufferSize
}
