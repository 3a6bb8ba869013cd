package wikimedia

import (
	"fmt"

	"github.com/storj/twitter-stream/pkg/sandbox/madeup"
)

// wikis are where changes happen.
var wikis = [...]string{"en.wikipedia.org", "de.wikipedia.org", "commons.wikimedia.org", "www.wikidata.org", "ko.wikipedia.org", "en.wiktionary.org"}

// Message is what an event holds, to the byte. seq, at its end, is the
// sandbox's own.
func (s *Server) Message(seq uint64) []byte {
	if r, ok := s.Replayed(seq); ok {
		return r.Data
	}
	r, at, t := madeup.Mix(seq), s.Timeline.Stamp(seq).UTC(), s.topicOf(seq)
	domain := wikis[r%uint64(len(wikis))]
	if seq%canary == 0 {
		domain = "canary"
	}
	stream := s.cfg.Streams[t.stream]
	title := madeup.Sentence(r%997, 1+r>>8%4)
	b := fmt.Appendf(nil, `{"$schema":"/mediawiki/%s/1.0.0","meta":{"uri":"https://%s/wiki/%x","request_id":"%s","id":"%s","dt":"%s",`+
		`"domain":"%[2]s","stream":"mediawiki.%[1]s","topic":"%[7]s","partition":0,"offset":%[8]d},`,
		stream, domain, r, uuid(r), uuid(seq), at.Format("2006-01-02T15:04:05.000Z"), s.topicName(t), seq)
	return fmt.Appendf(b, `"id":%d,"type":"edit","namespace":0,"title":"%s","comment":"%s","timestamp":%d,"user":"%s","bot":%t,"minor":false,`+
		`"length":{"old":%d,"new":%d},"revision":{"old":%d,"new":%[9]d},"server_url":"https://%[10]s","server_name":"%[10]s","server_script_path":"/w",`+
		`"wiki":"%[11]s","parsedcomment":"%[3]s","seq":%[12]d}`,
		r%1e9, title, madeup.Sentence(r>>4%997, r>>12%15), at.Unix(), madeup.Word(r>>5), r%4 == 0, r>>16%90000, r>>18%90000, r>>20%1e9, domain,
		madeup.Word(r>>9)+"wiki", seq)
}

// uuid is a name that no other number has.
func uuid(x uint64) string {
	hi, lo := madeup.Mix(x), x
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", hi>>32, hi>>16&0xffff, hi&0xfff, lo>>48&0xfff, lo&(1<<48-1))
}
