package mastodon

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/madeup"
)

// Shares of what happens, out of a hundred; all else are new posts.
const (
	edits   = 3
	deletes = 5
)

// Message is an event as it is to be stored: {"event":…,"payload":…}, with the
// payload to the byte.
func (s *Server) Message(seq uint64) []byte {
	name, payload := s.happened(seq)
	b := append([]byte(`{"event":"`), name...)
	b = append(append(b, `","payload":`...), payload...)
	return append(b, '}')
}

// Posted reports whether an event is a new post: those are in the timeline,
// where one that was missed is found again. Edits and deletes are not.
func (s *Server) Posted(seq uint64) bool {
	name, _ := s.happened(seq)
	return name == "update"
}

// happened returns what an event is. A delete is of a post that nobody has
// seen, so that its id tells its number; edits are of posts before.
func (s *Server) happened(seq uint64) (name string, payload []byte) {
	if r, ok := s.Replayed(seq); ok {
		if r.Event != "" {
			return r.Event, r.Data
		}
		return unwrapped(r.Data)
	}
	switch kind := madeup.Mix(seq) % 100; {
	case kind < deletes:
		return "delete", strconv.AppendUint(nil, s.id(seq), 10)
	case kind < deletes+edits:
		return "status.update", s.status(nil, seq, max(1, seq-min(seq, 1+madeup.Mix(seq+1)%50)))
	}
	return "update", s.status(nil, seq, seq)
}

// unwrapped is a recorded line: an event as the grabber stores it, or a status.
func unwrapped(line []byte) (name string, payload []byte) {
	rest, ok := bytes.CutPrefix(line, []byte(`{"event":"`))
	word, payload, found := bytes.Cut(rest, []byte(`","payload":`))
	if !ok || !found || !bytes.HasSuffix(payload, []byte("}")) {
		return "update", line
	}
	return string(word), payload[:len(payload)-1]
}

// id is an event's: milliseconds and a number within them (Mastodon's
// snowflakes). Later ones are greater.
func (s *Server) id(seq uint64) uint64 {
	return uint64(s.Timeline.Time(seq).UnixMilli())<<16 | seq&(1<<16-1)
}

// seqOf returns the event with an id, or the first one after it.
func (s *Server) seqOf(id uint64) uint64 {
	seq := s.Timeline.Since(time.UnixMilli(int64(id >> 16)))
	for s.id(seq) < id { // those that share its millisecond
		seq++
	}
	return seq
}

// Seq returns the number of an event by the id of a post or of a delete.
func (s *Server) Seq(id string) (seq uint64, ok bool) {
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return 0, false
	}
	seq = s.seqOf(n)
	return seq, s.id(seq) == n
}

// status appends a post, as the stream and the timeline have it. seq, at its
// end, is the sandbox's own.
func (s *Server) status(b []byte, seq, of uint64) []byte {
	r, at := madeup.Mix(of), s.Timeline.Time(of).UTC()
	author := madeup.Mix(r % 300)
	edited := "null"
	if seq != of {
		edited = s.Timeline.Time(seq).UTC().Format(`"2006-01-02T15:04:05.000Z"`)
	}
	name := madeup.Word(author) + strconv.FormatUint(author%1000, 10)
	b = fmt.Appendf(b, `{"id":"%[1]d","created_at":"%[2]s","in_reply_to_id":null,"in_reply_to_account_id":null,"sensitive":false,"spoiler_text":"",`+
		`"visibility":"public","language":"en","uri":"https://social.example.com/users/%[3]s/statuses/%[1]d","url":"https://social.example.com/@%[3]s/%[1]d",`+
		`"replies_count":0,"reblogs_count":0,"favourites_count":0,"edited_at":%[4]s,"content":"\u003cp\u003e%[5]s\u003c/p\u003e","reblog":null,`,
		s.id(of), at.Format("2006-01-02T15:04:05.000Z"), name, edited, madeup.Sentence(r%997, 6+r>>20%40))
	b = fmt.Appendf(b, `"account":{"id":"%d","username":"%s","acct":"%[2]s@social.example.com","display_name":"%[3]s","locked":false,"bot":false,"note":"%[4]s",`+
		`"url":"https://social.example.com/@%[2]s","followers_count":%[5]d,"following_count":%[6]d,"statuses_count":%[7]d},`+
		`"media_attachments":[],"mentions":[],"tags":[],"emojis":[],"card":null,"poll":null,"seq":%[8]d}`,
		author>>8, name, madeup.Sentence(author%997, 2), madeup.Sentence(author%991, 12), author>>10%5000, author>>12%2000, author>>14%9000, seq)
	return b
}
