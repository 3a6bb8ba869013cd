package x

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// maxBackfill is what a plan may allow at most, in minutes.
const maxBackfill = 5

// evicted is the end of a connection whose place another one has taken.
const evicted = "evicted"

// stream answers the streams.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) {
	if s.refused(w) {
		return
	}
	filtered := r.URL.Path == "/2/tweets/search/stream"
	q := r.URL.Query()
	backfill, ok := 0, true
	if text := q.Get("backfill_minutes"); text != "" {
		n, err := strconv.Atoi(text)
		backfill, ok = n, err == nil && n >= 0 && n <= maxBackfill
	}
	if !ok || !partitioned(r.URL.Path, q.Get("partition")) {
		invalid("One or more parameters to your request was invalid.").answer(w)
		return
	}
	if filtered && len(s.Rules()) == 0 {
		noRules.answer(w)
		return
	}
	epoch, ok := s.enter()
	if !ok {
		tooMany.answer(w)
		return
	}
	from := s.Head() + 1
	if backfill > 0 {
		from = min(from, s.Timeline.Since(time.Now().Add(-time.Duration(backfill)*time.Minute)))
	}
	s.Serve(w, r, live.Stream{
		Asked: q.Get("backfill_minutes"), From: from, ContentType: "application/json; charset=utf-8", Idle: "\r\n",
		Event: func(b []byte, seq uint64) ([]byte, int, bool) {
			b = s.append(b, seq, filtered)
			return append(b, "\r\n"...), len(b), true
		},
		Garbage:  [][]byte{[]byte("not JSON\r\n"), []byte("{\"torn\":\r\n"), []byte("{\"glued\":1}{\"glued\":2}\r\n"), []byte("[1,2]\r\n"), []byte("<html></html>\r\n")},
		Oversize: func() (before, behind string) { return `{"data":{"id":"1","text":"`, "\"}}\r\n" },
		Farewell: s.farewell,
		Left:     func() { s.leave(epoch) },
	})
}

// partitioned checks the parameter that some streams require.
func partitioned(path, partition string) bool {
	most := map[string]int{"sample10": 2, "firehose": 20, "compliance": 4}
	for name, n := range most {
		if strings.Contains(path, "/"+name+"/") {
			p, err := strconv.Atoi(partition)
			return err == nil && p >= 1 && p <= n
		}
	}
	return partition == ""
}

// refused answers with a problem that a fault has put in the way.
func (s *Server) refused(w http.ResponseWriter) bool {
	for _, f := range []struct {
		name string
		says problem
	}{{"too-many", tooMany}, {"usage-cap", capped}, {"not-enrolled", notEnrolled}, {"provisioning", provisioning}, {"bad-rules", badRules}} {
		if _, on := s.Faults.Take(f.name); on {
			f.says.answer(w)
			return true
		}
	}
	arg, on := s.Faults.Take("rate-limit")
	if on {
		seconds, err := fault.Number(arg)
		if err != nil {
			seconds = 1
		}
		rateLimited(w, seconds)
	}
	return on
}

// enter takes a place for a connection.
func (s *Server) enter() (epoch int, ok bool) {
	s.mu.Lock()
	full := s.slots >= s.cfg.Connections
	s.mu.Unlock()
	if full {
		if _, on := s.Faults.Take("evict"); !on {
			return 0, false
		}
		s.free(evicted)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.slots++
	return s.epoch, true
}

// leave gives a place back, at once or after a while.
func (s *Server) leave(epoch int) {
	give := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.epoch == epoch {
			s.slots--
		}
	}
	if arg, on := s.Faults.Take("linger"); on {
		time.AfterFunc(fault.Duration(arg, time.Minute), give)
		return
	}
	give()
}

// free ends all connections and gives their places back.
func (s *Server) free(why string) {
	s.mu.Lock()
	s.epoch++
	s.slots = 0
	s.mu.Unlock()
	s.DropAll(why)
}

// farewell is said by a stream that X ends itself.
func (s *Server) farewell(why, arg string) []byte {
	p := problem{
		Title: "operational-disconnect", DisconnectType: arg, Type: problems + "operational-disconnect",
		Detail: "This stream has been disconnected upstream for operational reasons.",
	}
	switch {
	case why == evicted:
		p.DisconnectType, p.Detail = "ForceDisconnect", "This stream has been disconnected because another one was opened."
	case why != "disconnect":
		return nil
	case arg == "":
		p.DisconnectType = "UpstreamOperationalDisconnect"
	}
	b, err := json.Marshal(map[string][]problem{"errors": {p}})
	if err != nil {
		return nil
	}
	return append(b, "\r\n"...)
}

// connection is one in the answer of the Connections API.
type connection struct {
	ID               string `json:"id"`
	EndpointName     string `json:"endpoint_name"`
	ConnectedAt      string `json:"connected_at"`
	DisconnectedAt   string `json:"disconnected_at,omitempty"`
	DisconnectReason string `json:"disconnect_reason,omitempty"`
}

func (s *Server) listConnections(w http.ResponseWriter, _ *http.Request) {
	list := []connection{}
	for i, c := range s.Connections() {
		path, _, _ := strings.Cut(c.Path, "?")
		one := connection{
			ID: strconv.Itoa(i + 1), EndpointName: strings.Trim(strings.TrimPrefix(path, "/2/"), "/"),
			ConnectedAt: c.Opened.UTC().Format(time.RFC3339), DisconnectReason: c.End,
		}
		if !c.Closed.IsZero() {
			one.DisconnectedAt = c.Closed.UTC().Format(time.RFC3339)
		}
		list = append(list, one)
	}
	wire.AnswerJSON(w, http.StatusOK, map[string]any{"data": list, "meta": map[string]int{"result_count": len(list)}})
}

func (s *Server) freeConnections(w http.ResponseWriter, _ *http.Request) {
	had := s.Live()
	s.free("freed")
	wire.AnswerJSON(w, http.StatusOK, map[string]any{"data": map[string]any{"successful_kills": had, "failed_kills": 0}})
}
