package live

import (
	"bytes"
	"time"
)

// fault does what is on now to a live stream; over: it has ended.
func (f *flow) fault() (why string, over bool) {
	sent := f.conn.Messages
	switch {
	case f.s.Faults.TakeAfter("half", sent):
		f.half()
		return "half", true
	case f.s.Faults.TakeAfter("reset", sent):
		f.out.reset()
		return "reset", true
	case f.s.Faults.TakeAfter("end", sent):
		f.out.end(0)
		return "end", true
	}
	if arg, on := f.s.Faults.Take("close"); on {
		f.out.end(number(arg, 1000))
		return "close", true
	}
	for _, name := range f.s.network.Ends {
		if arg, on := f.s.Faults.Take(name); on {
			f.arg = arg
			return name, true
		}
	}
	return "", !f.oddities()
}

// oddities sends what a client must live with; false: the client has gone.
func (f *flow) oddities() bool {
	if arg, on := f.s.Faults.Take("garbage"); on {
		lines := f.st.Garbage
		if arg != "" {
			lines = [][]byte{[]byte(arg + "\n\n")}
		}
		for _, line := range lines {
			if f.out.raw(line) != nil {
				return false
			}
		}
	}
	if b, ok := f.out.(*frames); ok {
		if _, on := f.s.Faults.Take("binary"); on && b.binary([]byte("\x00\x01\xff not a message")) != nil {
			return false
		}
	}
	if arg, on := f.s.Faults.Take("oversize"); on {
		return f.oversize(number(arg, 17<<20))
	}
	return true
}

// half sends the first half of an event, if there is one, and no more.
func (f *flow) half() {
	for head := f.s.Timeline.Head(); f.next <= head; f.next++ {
		frame, _, ok := f.st.Event(nil, f.next)
		if !ok {
			continue
		}
		f.out.add(frame)
		f.s.Log.Doubt(f.conn, f.next)
		_, _ = f.out.flush(f.out.size() / 2) // the client may have gone: it is cut off anyway
		return
	}
}

// oversize sends an event of so many bytes.
func (f *flow) oversize(size int) bool {
	if f.st.Oversize == nil {
		return true
	}
	before, behind := f.st.Oversize()
	b := append([]byte(before), bytes.Repeat([]byte{'x'}, size)...)
	return f.out.raw(append(b, behind...)) == nil
}

// bomb sends bytes that inflate to very many, on a line that does not end.
func (f *flow) bomb(arg string) {
	size, piece := number(arg, 1<<30), bytes.Repeat([]byte{' '}, 1<<20)
	for ; size > 0; size -= len(piece) {
		select {
		case <-f.s.closed:
			return
		default:
		}
		if f.out.raw(piece[:min(size, len(piece))]) != nil {
			return
		}
	}
	f.lastByte = time.Now()
}
