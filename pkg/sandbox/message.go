package sandbox

import (
	"strconv"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/madeup"
)

// maker makes up messages in the shape and size of statuses/sample. A message
// is a function of its sequence number alone, so that whoever meets it later
// can say what it ought to be, to the byte. As Twitter's, it is ASCII with
// everything else escaped, slashes too.
type maker struct {
	users    []string // user objects
	names    []string // their screen names
	texts    []string // JSON strings without the quotes
	sources  []string
	entities []string
}

// firstMessage is when the made-up messages begin; one every 17 ms since then.
var firstMessage = time.Date(2014, time.April, 12, 9, 0, 0, 0, time.UTC)

const (
	twitterEpoch = 1288834974657 // ms, start of Twitter's id clock
	spacing      = 17 * time.Millisecond
)

// append appends the message with this number, without a line end.
func (m *maker) append(b []byte, seq uint64) []byte {
	switch r := madeup.Mix(seq); {
	case r%12 == 0:
		b = m.appendDelete(b, seq, r)
	case r%401 == 0:
		b = append(b, `{"limit":{"track":`...)
		b = strconv.AppendUint(b, seq/401+1, 10)
		b = append(b, `,"timestamp_ms":"`...)
		b = strconv.AppendInt(b, at(seq).UnixMilli(), 10)
		b = append(b, `"}`...)
	default:
		b = append(b, '{')
		b = m.appendTweet(b, seq, r)
		if r>>20%10 < 3 {
			b = append(b, `,"retweeted_status":{`...)
			b = m.appendTweet(b, seq-min(seq, 1+r>>30%1000), madeup.Mix(r))
			b = append(b, '}')
		}
		b = append(b, `,"filter_level":"low","lang":"en","timestamp_ms":"`...)
		b = strconv.AppendInt(b, at(seq).UnixMilli(), 10)
		b = append(b, '"')
	}
	b = append(b, `,"seq":`...)
	b = strconv.AppendUint(b, seq, 10)
	return append(b, '}')
}

func (m *maker) appendDelete(b []byte, seq, r uint64) []byte {
	b = append(b, `{"delete":{"status":{"id":`...)
	b = strconv.AppendUint(b, id(seq), 10)
	b = append(b, `,"id_str":"`...)
	b = strconv.AppendUint(b, id(seq), 10)
	b = append(b, `","user_id":`...)
	b = strconv.AppendUint(b, r%1e9, 10)
	b = append(b, `,"user_id_str":"`...)
	b = strconv.AppendUint(b, r%1e9, 10)
	b = append(b, `"},"timestamp_ms":"`...)
	b = strconv.AppendInt(b, at(seq).UnixMilli(), 10)
	return append(b, `"}`...)
}

// appendTweet appends a status' fields without its braces.
func (m *maker) appendTweet(b []byte, seq, r uint64) []byte {
	b = append(b, `"created_at":"`...)
	b = at(seq).AppendFormat(b, "Mon Jan 02 15:04:05 -0700 2006")
	b = append(b, `","id":`...)
	b = strconv.AppendUint(b, id(seq), 10)
	b = append(b, `,"id_str":"`...)
	b = strconv.AppendUint(b, id(seq), 10)
	b = append(b, `","text":"`...)
	b = append(b, m.texts[r>>8%uint64(len(m.texts))]...)
	b = append(b, `","source":"`...)
	b = append(b, m.sources[r>>12%uint64(len(m.sources))]...)
	b = append(b, `","truncated":false,"in_reply_to_status_id":null,"in_reply_to_status_id_str":null,`+
		`"in_reply_to_user_id":null,"in_reply_to_user_id_str":null,"in_reply_to_screen_name":null,"user":`...)
	b = append(b, m.users[r>>16%uint64(len(m.users))]...)
	b = append(b, `,"geo":null,"coordinates":null,"place":null,"contributors":null,"retweet_count":`...)
	b = strconv.AppendUint(b, r>>40%500, 10)
	b = append(b, `,"favorite_count":`...)
	b = strconv.AppendUint(b, r>>44%500, 10)
	b = append(b, `,"entities":`...)
	b = append(b, m.entities[r>>24%uint64(len(m.entities))]...)
	return append(b, `,"favorited":false,"retweeted":false,"possibly_sensitive":false`...)
}

// at is a message's time.
func at(seq uint64) time.Time { return firstMessage.Add(time.Duration(seq) * spacing) }

// id is a message's id: its time in Twitter's clock, and its number.
func id(seq uint64) uint64 {
	return uint64(at(seq).UnixMilli()-twitterEpoch)<<22 | seq&(1<<22-1)
}
