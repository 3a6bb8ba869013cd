package sandbox

import (
	"bytes"
	"fmt"
	"strconv"
)

// fault does what is on now to a live stream; over: it has ended.
func (f *feed) fault() (why string, over bool) {
	sent := f.conn.Messages
	switch {
	case f.t.faults.TakeAfter("half-message", sent):
		f.half(false)
		return "half-message", true
	case f.t.faults.TakeAfter("truncated-gzip", sent):
		f.half(true)
		return "truncated-gzip", true
	case f.t.faults.TakeAfter("reset", sent):
		f.link.Reset()
		return "reset", true
	case f.t.faults.TakeAfter("end", sent):
		f.finish()
		return "end", true
	}
	if arg, on := f.t.faults.Take("disconnect"); on {
		code, err := strconv.Atoi(arg)
		if err != nil {
			code = 4
		}
		f.disconnect(code, "sandbox")
		return "disconnect", true
	}
	return "", !f.oddities()
}

// oddities sends what a client must live with; false: the client has gone.
func (f *feed) oddities() bool {
	if arg, on := f.t.faults.Take("garbage"); on && !f.garbage(arg) {
		return false
	}
	if _, on := f.t.faults.Peek("falling-behind"); on && f.warnings {
		f.t.faults.Take("falling-behind")
		if !f.special(func(seq uint64) []byte {
			return fmt.Appendf(nil, `{"warning":{"code":"FALLING_BEHIND","message":"Your connection is falling behind and messages are being queued for delivery to you. Your queue is now over 60%% full. You will be disconnected when the queue is full.","percent_full":60},"seq":%d}`, seq)
		}) {
			return false
		}
	}
	if _, on := f.t.faults.Take("lf-inside"); on && !f.special(func(seq uint64) []byte {
		return fmt.Appendf(nil, "{\"text\":\"a line feed is white space here\",\n\"seq\":%d}", seq)
	}) {
		return false
	}
	if arg, on := f.t.faults.Take("oversize"); on {
		return f.oversize(arg)
	}
	return true
}

// half sends the first half of a message and cuts the connection. Of the
// wire's bytes, when inWire: then a compressed block ends in its middle.
func (f *feed) half(inWire bool) {
	seq, n := f.t.book.reserve(1)
	if n == 0 {
		return
	}
	msg, _ := f.t.supply.append(nil, seq)
	frame := f.frame(msg)
	f.t.book.doubtful(seq)
	if !inWire {
		f.enc.Add(frame[:len(frame)/2])
		f.write(f.enc.Batch())
		return
	}
	f.enc.Add(frame)
	wire := f.enc.Batch()
	f.write(wire[:len(wire)/2])
}

// special sends a message that the supply has not made; it is counted as any.
func (f *feed) special(make func(seq uint64) []byte) bool {
	seq, msg := f.t.book.reserveSpecial(make)
	f.enc.Add(f.frame(msg))
	sizes := []int{len(msg)}
	return f.flush(&seq, &sizes)
}

// disconnect says why and ends the response (Twitter, streaming message types).
func (f *feed) disconnect(code int, reason string) {
	if f.special(func(seq uint64) []byte {
		return fmt.Appendf(nil, `{"disconnect":{"code":%d,"stream_name":"sandbox-statuses","reason":%q},"seq":%d}`, code, reason, seq)
	}) {
		f.finish()
	}
}

// garbage sends lines none of which is one JSON object.
func (f *feed) garbage(text string) bool {
	lines := []string{
		`{"glued":1}{"glued":2}`, "not JSON at all", `{"created_at":"torn`, "[1,2,3]", "42", "\x00\xff\xfe", `"a string"`,
		"<html><body>503 Service Unavailable</body></html>",
	}
	if text != "" {
		lines = []string{text}
	}
	for _, line := range lines {
		f.enc.Add(f.frame([]byte(line)))
	}
	return f.write(f.enc.Batch())
}

// oversize sends one message of so many bytes, in pieces. It is doubtful by
// design: whoever skips it is right.
func (f *feed) oversize(arg string) bool {
	size, err := strconv.Atoi(arg)
	if err != nil {
		size = 17 << 20
	}
	seq, _ := f.t.book.reserveSpecial(func(seq uint64) []byte { return nil })
	f.t.book.doubtful(seq)
	head := fmt.Appendf(nil, `{"seq":%d,"text":"`, seq)
	size = max(size, len(head)+2)
	if f.delimited {
		f.enc.Add(fmt.Appendf(nil, "%d%s", size+len(f.lineEnd), f.lineEnd))
	}
	f.enc.Add(head)
	piece := bytes.Repeat([]byte{'x'}, 64<<10)
	for rest := size - len(head) - 2; rest > 0; rest -= len(piece) {
		f.enc.Add(piece[:min(rest, len(piece))])
		if !f.write(f.enc.Batch()) {
			return false
		}
	}
	f.enc.Add([]byte(`"}` + f.lineEnd))
	return f.write(f.enc.Batch())
}
