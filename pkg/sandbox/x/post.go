package x

import (
	"strconv"

	"github.com/storj/twitter-stream/pkg/sandbox/madeup"
)

// epoch is the start of X's id clock, in Unix milliseconds.
const epoch = 1288834974657

// incomplete is one post in how many that bears errors beside its data.
const incomplete = 200

// Message is what an event of the filtered stream holds, to the byte.
func (s *Server) Message(seq uint64) []byte { return s.append(nil, seq, true) }

// append appends a post. seq, at its end, is the sandbox's own.
func (s *Server) append(b []byte, seq uint64, filtered bool) []byte {
	if r, ok := s.Replayed(seq); ok {
		return append(b, r.Data...)
	}
	r, at := madeup.Mix(seq), s.Timeline.Time(seq).UTC()
	id := strconv.FormatUint(uint64(at.UnixMilli()-epoch)<<22|seq&(1<<22-1), 10)
	author := strconv.FormatUint(madeup.Mix(r%500)%1e9, 10)
	b = append(append(b, `{"data":{"id":"`...), id...)
	b = append(append(b, `","author_id":"`...), author...)
	b = append(append(b, `","conversation_id":"`...), id...)
	b = at.AppendFormat(append(b, `","created_at":"`...), "2006-01-02T15:04:05.000Z")
	b = append(append(append(b, `","edit_history_tweet_ids":["`...), id...), `"],"lang":"en","public_metrics":{"retweet_count":`...)
	b = strconv.AppendUint(b, r>>40%500, 10)
	b = append(b, `,"reply_count":0,"like_count":`...)
	b = strconv.AppendUint(b, r>>44%500, 10)
	b = append(b, `,"quote_count":0},"possibly_sensitive":false,"reply_settings":"everyone","text":"`...)
	b = append(b, madeup.Sentence(r%997, 6+r>>20%20)...)
	b = append(append(b, `"},"includes":{"users":[{"id":"`...), author...)
	b = append(append(b, `","name":"`...), madeup.Sentence(r%500, 2)...)
	b = append(append(b, `","username":"made_up_`...), author...)
	b = append(b, `"}]}`...)
	if filtered {
		b = append(b, `,"matching_rules":[{"id":"1500000000000000001","tag":"sandbox"}]`...)
	}
	if seq%incomplete == 0 {
		b = append(b, `,"errors":[{"value":"1","detail":"Could not find tweet with referenced_tweets.id: [1].","title":"Not Found Error","resource_type":"tweet","parameter":"referenced_tweets.id","resource_id":"1","type":"https://api.twitter.com/2/problems/resource-not-found"}]`...)
	}
	b = append(b, `,"seq":`...)
	b = strconv.AppendUint(b, seq, 10)
	return append(b, '}')
}
