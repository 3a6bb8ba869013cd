package wikimedia

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
)

// position is where a connection stands in each of its topics.
type position struct {
	asked  string
	begins map[topic]uint64 // the first event of each; none: the live end
	seen   map[topic]int64  // the time stamp behind the last event, in ms
}

// entry is what an id says of one partition; each topic has one.
type entry struct {
	Topic     string `json:"topic"`
	Partition int    `json:"partition"`
	Timestamp *int64 `json:"timestamp,omitempty"`
	Offset    *int64 `json:"offset,omitempty"`
}

// position reads Last-Event-ID, or else since.
func (s *Server) position(r *http.Request, names []string) (position, error) {
	p := position{begins: map[topic]uint64{}, seen: map[topic]int64{}}
	keep := s.cfg.History
	if arg, on := s.Faults.Take("clamp"); on {
		keep = fault.Duration(arg, time.Second)
	}
	oldest := s.Timeline.Since(time.Now().Add(-keep))
	live := s.Head() + 1
	for _, t := range s.topics(names) {
		p.begins[t] = live
	}
	if since := r.URL.Query().Get("since"); since != "" {
		at, ok := millis(since)
		if !ok {
			return p, fmt.Errorf("%q is no time", since)
		}
		p.asked = since
		for t := range p.begins {
			p.begins[t] = min(live, max(oldest, s.Timeline.Since(at)))
		}
	}
	id := r.Header.Get("Last-Event-ID")
	if id == "" {
		return p, nil
	}
	var entries []entry
	if err := json.Unmarshal([]byte(id), &entries); err != nil {
		return p, fmt.Errorf("Last-Event-ID is no list of positions: %w", err)
	}
	p.asked = id
	for t := range p.begins {
		name := s.topicName(t)
		i := slices.IndexFunc(entries, func(e entry) bool { return e.Topic == name })
		if i < 0 {
			continue
		}
		// An offset beats a time; one of -1 is the topic's live end (KafkaSSE).
		switch e := entries[i]; {
		case e.Offset != nil && *e.Offset >= 0:
			p.begins[t] = min(live, max(oldest, uint64(*e.Offset)))
		case e.Timestamp != nil:
			p.begins[t] = min(live, max(oldest, s.Timeline.Since(time.UnixMilli(*e.Timestamp))))
			p.seen[t] = *e.Timestamp
		}
	}
	return p, nil
}

// from is the first event of all topics.
func (p position) from(live uint64) uint64 {
	for _, seq := range p.begins {
		live = min(live, seq)
	}
	return live
}

// topics are those of streams, in the order in which ids name them.
func (s *Server) topics(names []string) (list []topic) {
	for i, name := range s.cfg.Streams {
		if slices.Contains(names, name) {
			list = append(list, topic{i, false}, topic{i, true})
		}
	}
	return list
}

// id is the position behind the event that was sent last: a time stamp for
// each topic that has had one, an offset of -1 for those that have not.
func (p position) id(s *Server, names []string) string {
	b := []byte{'['}
	for i, t := range s.topics(names) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"topic":"`...), s.topicName(t)...)
		b = append(b, `","partition":0,`...)
		if at, ok := p.seen[t]; ok {
			b = strconv.AppendInt(append(b, `"timestamp":`...), at, 10)
		} else {
			b = append(b, `"offset":-1`...)
		}
		b = append(b, '}')
	}
	return string(append(b, ']'))
}
