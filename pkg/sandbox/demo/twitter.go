package demo

import (
	"encoding/json"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// twitter is API v1.1: what it sends, it sends once. A kill loses what the
// grabber had not written.
type twitter struct{ *sandbox.Twitter }

func openTwitter(cfg Config) (stream, error) {
	tw, err := sandbox.StartTwitter(sandbox.TwitterConfig{Rate: cfg.Rate, SendBuffer: sendBuffer, KeepAlive: time.Second})
	return twitter{tw}, err
}

func (twitter) title() string { return "Twitter" }

func (twitter) total() string { return "sent by the local Twitter" }

func (twitter) promise() string { return "a kill loses at most 1 MiB" }

func (t twitter) source() sandbox.Source { return t.Source() }

func (twitter) breaks() [3]breach {
	return [3]breach{
		{"the stream breaks in the middle of a message", "half-message*1"},
		{"the stream's connection is reset", "reset*1"},
		{"the stream ends with a disconnect message", "disconnect=12*1"},
	}
}

func (t twitter) sent() sandbox.Sent { return t.Sent() }

func (t twitter) capturing() bool {
	conns := t.Connections()
	return len(conns) > 0 && conns[len(conns)-1].Closed.IsZero() && conns[len(conns)-1].Messages > 0
}

func (t twitter) rest() error { return t.SetFault("silent") }

func (t twitter) resting() bool { return t.capturing() }

func (t twitter) message(seq uint64) []byte { return t.Message(seq) }

func (twitter) number(line []byte) (seq uint64, ok bool) {
	var v struct{ Seq uint64 }
	return v.Seq, json.Unmarshal(line, &v) == nil
}

func (t twitter) settle(tl *tally, kills []kill) { tl.settle(t.Connections(), kills) }
