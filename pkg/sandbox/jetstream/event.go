package jetstream

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/storj/twitter-stream/pkg/sandbox/madeup"
)

// Shares of what happens, out of a hundred: the rest are likes, reposts,
// follows and posts as on the network.
const (
	identities = 1
	accounts   = 1
	updates    = 3
	deletes    = 6
	repos      = 500
)

var collections = [...]string{
	"app.bsky.feed.like", "app.bsky.feed.like", "app.bsky.feed.like", "app.bsky.feed.post",
	"app.bsky.graph.follow", "app.bsky.feed.repost", "app.bsky.feed.like", "chat.bsky.actor.declaration",
}

// subject returns whose event it is and of which collection; "" for one that
// is of none, which nobody can leave out.
func subject(seq uint64) (did, collection string) {
	r := madeup.Mix(seq)
	did = didOf(r >> 32 % repos)
	if r%100 < identities+accounts {
		return did, ""
	}
	return did, collections[r>>8%uint64(len(collections))]
}

// didOf makes up an account's name: 24 characters of base32, as real ones.
func didOf(n uint64) string { return "did:plc:" + base32(madeup.Mix(n), 24) }

func base32(x uint64, n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz234567"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[x&31]
		if x >>= 5; x == 0 {
			x = madeup.Mix(uint64(i) + uint64(n))
		}
	}
	return string(b)
}

// Message is what an event holds, to the byte.
func (s *Server) Message(seq uint64) []byte { return s.append(nil, seq) }

// append appends an event. seq, at its end, is the sandbox's own; cursor is
// version 2's and another one on another instance.
func (s *Server) append(b []byte, seq uint64) []byte {
	micros := s.Timeline.Stamp(seq).UnixMicro()
	if r, ok := s.Replayed(seq); ok {
		return append(b, restamp(r.Data, micros)...)
	}
	r := madeup.Mix(seq)
	did, collection := subject(seq)
	b = append(append(b, `{"did":"`...), did...)
	b = append(b, `","time_us":`...)
	b = strconv.AppendInt(b, micros, 10)
	if !s.cfg.V1 {
		b = append(b, `,"cursor":`...)
		b = strconv.AppendUint(b, s.cfg.Instance*1_000_000+seq, 10)
	}
	switch kind := r % 100; {
	case kind < identities:
		b = fmt.Appendf(b, `,"kind":"identity","identity":{"did":"%s","handle":"%s.example.com","seq":%d,"time":"%s"}`, did, madeup.Word(r), seq, s.iso(seq))
	case kind < identities+accounts:
		b = fmt.Appendf(b, `,"kind":"account","account":{"active":true,"did":"%s","seq":%d,"time":"%s"}`, did, seq, s.iso(seq))
	default:
		b = s.commit(b, seq, r, collection)
	}
	b = append(b, `,"seq":`...)
	b = strconv.AppendUint(b, seq, 10)
	return append(b, '}')
}

func (s *Server) commit(b []byte, seq, r uint64, collection string) []byte {
	operation := "create"
	switch kind := r % 100; {
	case kind >= 100-deletes:
		operation = "delete"
	case kind >= 100-deletes-updates:
		operation = "update"
	}
	tid := base32(seq+1<<40, 13)
	b = append(append(b, `,"kind":"commit","commit":{"rev":"`...), tid...)
	b = append(append(b, `","operation":"`...), operation...)
	b = append(append(b, `","collection":"`...), collection...)
	b = append(append(append(b, `","rkey":"`...), tid...), '"')
	if operation == "delete" {
		return append(b, '}')
	}
	b = append(append(b, `,"record":{"$type":"`...), collection...)
	b = append(append(b, `","createdAt":"`...), s.iso(seq)...)
	if collection == "app.bsky.feed.post" {
		b = append(b, `","langs":["en"],"text":"`...)
		b = append(b, madeup.Sentence(r>>16%997, 6+r>>24%20)...)
		b = append(b, `"}`...)
	} else {
		b = append(b, `","subject":{"cid":"bafyrei`...)
		b = append(b, base32(r, 52)...)
		b = append(b, `","uri":"at://`...)
		b = append(b, didOf(r>>20%repos)...)
		b = append(b, "/app.bsky.feed.post/"...)
		b = append(b, base32(r>>7, 13)...)
		b = append(b, `"}}`...)
	}
	b = append(b, `,"cid":"bafyrei`...)
	b = append(b, base32(r>>3, 52)...)
	return append(b, `"}`...)
}

func (s *Server) iso(seq uint64) string {
	return s.Timeline.Time(seq).UTC().Format("2006-01-02T15:04:05.000Z")
}

// restamp gives a recorded event the time at which it happens now: cursors are
// of no use else.
func restamp(event []byte, micros int64) []byte {
	const key = `"time_us":`
	at := bytes.Index(event, []byte(key))
	if at < 0 {
		return event
	}
	digits := event[at+len(key):]
	rest := bytes.TrimLeft(digits, "0123456789")
	b := append([]byte(nil), event[:at+len(key)]...)
	return append(strconv.AppendInt(b, micros, 10), rest...)
}
