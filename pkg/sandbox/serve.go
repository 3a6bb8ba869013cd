package sandbox

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
)

// ServeConfig says what Serve runs.
type ServeConfig struct {
	TwitterAddr, NodeAddr string  // "" is 127.0.0.1:0
	Replay                string  // file of messages, one a line, begun anew at its end; "" makes them up
	Rate                  float64 // messages a second; 0 is as fast as it can
	// Faults are for the Twitter if it knows them, else for the node; "node:"
	// or "twitter:" before the name decides.
	Faults  []string
	Dir     string // a directory to make ready for the programs; "" for none
	Objects string // where the node keeps objects; "" is a temporary directory
}

// Serve runs a Twitter and a node until ctx ends, and says on out where they
// are and how to point the programs at them.
func Serve(ctx context.Context, cfg ServeConfig, out io.Writer) error {
	forTwitter, forNode, err := splitFaults(cfg.Faults)
	if err != nil {
		return err
	}
	tw, err := StartTwitter(TwitterConfig{Addr: cfg.TwitterAddr, Rate: cfg.Rate, Replay: cfg.Replay, Loop: true, Faults: forTwitter})
	if err != nil {
		return fmt.Errorf("start the local Twitter: %w", err)
	}
	defer tw.Close()
	node, err := StartNode(NodeConfig{Addr: cfg.NodeAddr, Dir: cfg.Objects, Faults: forNode})
	if err != nil {
		return fmt.Errorf("start the local node: %w", err)
	}
	defer node.Close()
	if err := introduce(cfg, tw, node, out); err != nil {
		return err
	}
	<-ctx.Done()
	sent := tw.Sent()
	_, err = fmt.Fprintf(out, "\nsent %d messages (%d bytes), the node has %d objects\n", sent.Messages, sent.Bytes, len(node.Objects()))
	return err
}

// introduce says what runs where.
func introduce(cfg ServeConfig, tw *Twitter, node *Node, out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "local Twitter  %s\nlocal node     %s\n\n", tw.URL(), node.URL())
	if cfg.Dir != "" {
		path, err := WriteConfig(cfg.Dir, tw, node, nil)
		if err != nil {
			return fmt.Errorf("make %s ready: %w", cfg.Dir, err)
		}
		if path, err = filepath.Abs(path); err != nil {
			return err
		}
		fmt.Fprintf(&b, "ready to run, keys and tokens included:\n\n  daemon -c '%s'\n\n", path)
	} else {
		c := tw.Credentials()
		b.WriteString("config.ini:\n\n" + indent(configText(tw, node, nil)))
		fmt.Fprintf(&b, "\napp key %s, app secret %s (asked for by daemon auth; the page at the URL shows the PIN), or, authorised already:\n\n", c.ConsumerKey, c.ConsumerSecret)
		fmt.Fprintf(&b, "  export TWITTER_STREAM_CONSUMER_KEY=%s TWITTER_STREAM_CONSUMER_SECRET=%s\n", c.ConsumerKey, c.ConsumerSecret)
		fmt.Fprintf(&b, "  export TWITTER_STREAM_OAUTH_TOKEN=%s TWITTER_STREAM_OAUTH_TOKEN_SECRET=%s\n\n", c.OAuthToken, c.OAuthTokenSecret)
	}
	fmt.Fprintf(&b, "faults, NAME[=ARGUMENT][*TIMES], while it runs (none given: all off):\n\n"+
		"  curl -d 'fault=half-message*1' %s/sandbox/fault\n  curl -d 'fault=503=2' %s/sandbox/fault\n\n", tw.URL(), node.URL())
	b.WriteString(faultTable("Twitter", TwitterFaults()) + faultTable("node", NodeFaults()))
	b.WriteString("\nstop with Ctrl-C\n")
	_, err := io.WriteString(out, b.String())
	return err
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

// faultTable lists faults for a person.
func faultTable(server string, list []Fault) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: any status 400 to 599[=seconds for Retry-After], and\n", server)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range list {
		name := f.Name
		if f.Arg != "" {
			name += "[=" + f.Arg + "]"
		}
		fmt.Fprintf(w, "  %s\t%s\n", name, f.Does)
	}
	_ = w.Flush() // into a Builder
	return b.String()
}

// splitFaults tells the two servers' faults apart, and refuses what neither knows.
func splitFaults(specs []string) (forTwitter, forNode []string, err error) {
	tw, node := newFaults(TwitterFaults()), newFaults(NodeFaults())
	for _, spec := range specs {
		rest, onlyTwitter := strings.CutPrefix(spec, "twitter:")
		rest, onlyNode := strings.CutPrefix(rest, "node:")
		_, _, twErr := tw.parse(rest)
		_, _, nodeErr := node.parse(rest)
		switch {
		case onlyNode && nodeErr != nil:
			return nil, nil, nodeErr
		case !onlyNode && twErr == nil:
			forTwitter = append(forTwitter, rest)
		case !onlyTwitter && nodeErr == nil:
			forNode = append(forNode, rest)
		default:
			return nil, nil, twErr
		}
	}
	return forTwitter, forNode, nil
}
