// Package kind knows the local servers by name: what starts one, which faults
// it has, what the programs must be told to record it, and what they promise
// of it.
//
// Twitter's API v1.1 is not among them: its messages are for one connection
// alone, so that nothing can be asked for again; it is package sandbox's.
package kind

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/storj/twitter-stream/pkg/sandbox"
	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/jetstream"
	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/mastodon"
	"github.com/storj/twitter-stream/pkg/sandbox/sse"
	"github.com/storj/twitter-stream/pkg/sandbox/timeline"
	"github.com/storj/twitter-stream/pkg/sandbox/wikimedia"
	"github.com/storj/twitter-stream/pkg/sandbox/x"
)

// Server is what all of them can do.
type Server interface {
	URL() string
	StreamURL() string
	Head() uint64              // the number of the newest event
	Freeze()                   // nothing new happens any more
	Message(seq uint64) []byte // as it is to be stored
	Live() int                 // streams that are open
	Connections() []timeline.Connection
	Refusals() []timeline.Refusal
	SetFault(specs ...string) error
	Fired(name string) int
	Close() error
}

// Number returns an event's number from what a client has stored of it.
func Number(s Server, line []byte) (seq uint64, ok bool) {
	var m struct {
		Seq     uint64
		Payload json.RawMessage // Mastodon's: a post, or the id of one
	}
	if json.Unmarshal(line, &m) != nil {
		return 0, false
	}
	instance, is := s.(*mastodon.Server)
	if !is {
		return m.Seq, m.Seq > 0
	}
	var status struct{ Seq uint64 }
	if json.Unmarshal(m.Payload, &status) == nil && status.Seq > 0 {
		return status.Seq, true
	}
	return instance.Seq(string(m.Payload))
}

// Kind is one of them.
type Kind struct {
	Name, Title string
	Faults      func() []fault.Fault
	Start       func(live.Config) (Server, error)
	Source      func(Server) sandbox.Source // for the programs
	// Resumes says that the programs get what they have missed, as far as the
	// network has it Again; Promise says in words what a kill loses.
	Resumes bool
	Promise string
}

// Again reports whether an event that was missed can be had later: of
// Mastodon's only the posts, not their edits and deletes.
func Again(s Server, seq uint64) bool {
	instance, is := s.(*mastodon.Server)
	return !is || instance.Posted(seq)
}

// All are all kinds, in the order in which they are shown.
func All() []Kind {
	return []Kind{
		{
			Name: "jetstream", Title: "Bluesky Jetstream", Faults: jetstream.Faults, Resumes: true, Promise: "nothing is lost, nothing twice",
			Start:  func(cfg live.Config) (Server, error) { return jetstream.Start(jetstream.Config{Config: cfg}) },
			Source: plain,
		},
		{
			Name: "wikimedia", Title: "Wikimedia EventStreams", Faults: wikimedia.Faults, Resumes: true, Promise: "nothing is lost, nothing twice",
			Start:  func(cfg live.Config) (Server, error) { return wikimedia.Start(wikimedia.Config{Config: cfg}) },
			Source: func(s Server) sandbox.Source { return with(s, "stream_contact", "sandbox@example.com") },
		},
		{
			Name: "mastodon", Title: "Mastodon", Faults: mastodon.Faults, Resumes: true, Promise: "no post is lost, nothing twice; edits and deletes while nobody listens are missed",
			Start:  func(cfg live.Config) (Server, error) { return mastodon.Start(cfg) },
			Source: func(s Server) sandbox.Source { return with(s, "stream_token", mastodon.Token) },
		},
		{
			Name: "x", Title: "X API v2", Faults: x.Faults, Resumes: true, Promise: "nothing is lost, nothing twice, thanks to backfill_minutes",
			Start: func(cfg live.Config) (Server, error) { return x.Start(x.Config{Config: cfg}) },
			Source: func(s Server) sandbox.Source {
				source := plain(s)
				source.Keys["stream_url"] += "?backfill_minutes=5"
				source.API = map[string]string{"consumer_key": x.Key, "consumer_secret": x.Secret, "bearer_token": x.Token}
				return source
			},
		},
		{
			Name: "sse", Title: "server-sent events with ids", Faults: func() []fault.Fault { return live.Faults(false) }, Resumes: true, Promise: "nothing is lost, nothing twice",
			Start:  func(cfg live.Config) (Server, error) { return sse.Start(cfg) },
			Source: func(s Server) sandbox.Source { return with(s, "stream_kind", "sse") },
		},
	}
}

func plain(s Server) sandbox.Source {
	return sandbox.Source{Keys: map[string]string{"stream_url": s.StreamURL()}}
}

func with(s Server, key, value string) sandbox.Source {
	source := plain(s)
	source.Keys[key] = value
	return source
}

// Find returns the kind of that name.
func Find(name string) (Kind, bool) {
	all := All()
	i := slices.IndexFunc(all, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return all[i], true
}

// Names are the names of all kinds, for a person.
func Names() string {
	var names []string
	for _, k := range All() {
		names = append(names, k.Name)
	}
	return strings.Join(names, ", ")
}
