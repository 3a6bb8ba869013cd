package live

import "github.com/storj/twitter-stream/pkg/sandbox/wire"

// chunks carries a stream as the body of an HTTP response.
type chunks struct {
	link      *wire.Link
	enc       *wire.Encoder
	idleBytes []byte
}

func (c *chunks) add(frame []byte) { c.enc.Add(frame) }

func (c *chunks) size() int { return c.enc.Len() }

func (c *chunks) flush(most int) (events int, err error) {
	b := c.enc.Batch()
	if most >= 0 {
		b = b[:min(most, len(b))]
	}
	n, err := c.link.Write(b)
	return c.enc.Gone(n), err
}

func (c *chunks) raw(b []byte) error {
	c.enc.Add(b)
	_, err := c.link.Write(c.enc.Batch())
	return err
}

func (c *chunks) idle() error { return c.raw(c.idleBytes) }

func (c *chunks) end(int) { _, _ = c.link.Write(c.enc.Finish()) } // the client may have gone

func (c *chunks) reset() { c.link.Reset() }

func (c *chunks) close() { c.link.Close() }

func (c *chunks) drain(stopped <-chan struct{}) { c.link.Drain(stopped) }

func (c *chunks) interrupt() { c.link.Interrupt() }
