package serve

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/storj/twitter-stream/pkg/sandbox"
	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/kind"
	"github.com/storj/twitter-stream/pkg/sandbox/live"
	"github.com/storj/twitter-stream/pkg/sandbox/timeline"
)

// stream is a local stream of any kind.
type stream struct {
	title, url string
	source     sandbox.Source
	sent       func() string // what came of it, in words
	close      func() error
}

// faultsOf are those that a kind knows.
func faultsOf(name string) []fault.Fault {
	if k, found := kind.Find(name); found {
		return k.Faults()
	}
	return sandbox.TwitterFaults()
}

// What made-up events are like: as many share a time stamp, and step back in
// it, as was seen on the networks.
const (
	share    = 5 // ms
	stepBack = 3
)

// open starts a stream of the kind asked for.
func open(cfg Config, faults []string) (*stream, error) {
	k, found := kind.Find(cfg.Kind)
	if !found {
		return openTwitter(cfg, faults)
	}
	s, err := k.Start(live.Config{
		Addr: cfg.StreamAddr, Replay: cfg.Replay, Faults: faults,
		Time: timeline.Config{Rate: cfg.Rate, Share: share * 1e6, StepBack: stepBack * 1e6},
	})
	if err != nil {
		return nil, err
	}
	return &stream{
		title: k.Name, url: s.URL(), source: k.Source(s), close: s.Close,
		sent: func() string {
			var sent uint64
			conns := s.Connections()
			for _, c := range conns {
				sent += c.Messages
			}
			return fmt.Sprintf("%d events happened, sent %d messages over %d connections", s.Head(), sent, len(conns))
		},
	}, nil
}

func openTwitter(cfg Config, faults []string) (*stream, error) {
	tw, err := sandbox.StartTwitter(sandbox.TwitterConfig{Addr: cfg.StreamAddr, Rate: cfg.Rate, Replay: cfg.Replay, Loop: true, Faults: faults})
	if err != nil {
		return nil, err
	}
	return &stream{
		title: Twitter, url: tw.URL(), source: tw.Source(), close: tw.Close,
		sent: func() string {
			sent := tw.Sent()
			return fmt.Sprintf("sent %d messages (%d bytes)", sent.Messages, sent.Bytes)
		},
	}, nil
}

// keys says how the programs get what they must not find in config.ini.
func (s *stream) keys() string {
	all := maps.Clone(s.source.API)
	if all == nil {
		return ""
	}
	maps.Copy(all, s.source.OAuth)
	var b strings.Builder
	if c := s.source.OAuth; c != nil {
		fmt.Fprintf(&b, "app key %s, app secret %s (asked for by daemon auth; the page at the URL shows the PIN), or, authorised already:\n\n",
			s.source.API["consumer_key"], s.source.API["consumer_secret"])
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "  export TWITTER_STREAM_%s='%s'\n", strings.ToUpper(name), all[name])
	}
	return b.String() + "\n"
}
