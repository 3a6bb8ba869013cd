// Package serve runs a local stream of any kind and a local node for a person,
// and says how to point the programs at them.
package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/storj/twitter-stream/pkg/sandbox"
	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/kind"
)

// Twitter is the kind that is meant when none is named: API v1.1.
const Twitter = "twitter"

// Config says what Run runs.
type Config struct {
	Kind                 string  // Twitter, or one of package kind; "" is Twitter
	StreamAddr, NodeAddr string  // "" is 127.0.0.1:0
	Replay               string  // file of messages, or directory of such, begun anew at the end; "" makes them up
	Rate                 float64 // messages a second; 0 is as fast as it can, which only Twitter knows
	// Faults are for the stream if it knows them, else for the node; "node:"
	// or "stream:" before the name decides ("twitter:", the older word, too).
	Faults  []string
	Dir     string // a directory to make ready for the programs; "" for none
	Objects string // where the node keeps objects; "" is a temporary directory
}

// Kinds are the names of all kinds, for a person.
func Kinds() string { return Twitter + ", " + kind.Names() }

// Check returns an error for what a person must put right.
func (cfg Config) Check() error {
	known := cfg.Kind == "" || cfg.Kind == Twitter
	if !known {
		if _, found := kind.Find(cfg.Kind); !found {
			return fmt.Errorf("there is no kind %q; the kinds are %s", cfg.Kind, Kinds())
		}
	}
	switch {
	case cfg.Rate < 0:
		return errors.New("--rate must not be below zero")
	case cfg.Rate == 0 && !known:
		return errors.New("--rate must be above zero: what happens does not wait for who listens")
	}
	return nil
}

// Run serves until ctx ends, and says on out where and how.
func Run(ctx context.Context, cfg Config, out io.Writer) error {
	if err := cfg.Check(); err != nil {
		return err
	}
	known := faultsOf(cfg.Kind)
	forStream, forNode, err := splitFaults(known, cfg.Faults)
	if err != nil {
		return err
	}
	s, err := open(cfg, forStream)
	if err != nil {
		return fmt.Errorf("start the local stream: %w", err)
	}
	defer s.close()
	node, err := sandbox.StartNode(sandbox.NodeConfig{Addr: cfg.NodeAddr, Dir: cfg.Objects, Faults: forNode})
	if err != nil {
		return fmt.Errorf("start the local node: %w", err)
	}
	defer node.Close()
	if err := introduce(cfg, s, node, known, out); err != nil {
		return err
	}
	<-ctx.Done()
	_, err = fmt.Fprintf(out, "\n%s, the node has %d objects\n", s.sent(), len(node.Objects()))
	return err
}

// introduce says what runs where.
func introduce(cfg Config, s *stream, node *sandbox.Node, known []fault.Fault, out io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "local %-12s %s\nlocal node         %s\n\n", s.title, s.url, node.URL())
	if cfg.Dir != "" {
		path, err := sandbox.WriteSource(cfg.Dir, s.source, node, nil)
		if err != nil {
			return fmt.Errorf("make %s ready: %w", cfg.Dir, err)
		}
		if path, err = filepath.Abs(path); err != nil {
			return err
		}
		fmt.Fprintf(&b, "ready to run, keys and tokens included:\n\n  daemon -c '%s'\n\n", path)
	} else {
		b.WriteString("config.ini:\n\n" + indent(sandbox.ConfigText(s.source, node, nil)) + "\n" + s.keys())
	}
	fmt.Fprintf(&b, "faults, NAME[=ARGUMENT][*TIMES], while it runs (none given: all off):\n\n"+
		"  curl -d 'fault=reset=100*1' %s/sandbox/fault\n  curl -d 'fault=503=2' %s/sandbox/fault\n\n"+
		"what was sent to whom:\n\n  curl %[1]s/sandbox/books\n\n", s.url, node.URL())
	b.WriteString(faultTable("stream", known) + faultTable("node", sandbox.NodeFaults()))
	b.WriteString("\nstop with Ctrl-C\n")
	_, err := io.WriteString(out, b.String())
	return err
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

// faultTable lists faults for a person.
func faultTable(server string, list []fault.Fault) string {
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
func splitFaults(known []fault.Fault, specs []string) (forStream, forNode []string, err error) {
	stream, node := fault.NewSet(known), fault.NewSet(sandbox.NodeFaults())
	for _, spec := range specs {
		rest, onlyStream := strings.CutPrefix(spec, "stream:")
		if !onlyStream {
			rest, onlyStream = strings.CutPrefix(rest, "twitter:")
		}
		rest, onlyNode := strings.CutPrefix(rest, "node:")
		streamErr, nodeErr := stream.Check(rest), node.Check(rest)
		switch {
		case onlyNode && nodeErr != nil:
			return nil, nil, nodeErr
		case !onlyNode && streamErr == nil:
			forStream = append(forStream, rest)
		case !onlyStream && nodeErr == nil:
			forNode = append(forNode, rest)
		default:
			return nil, nil, streamErr
		}
	}
	return forStream, forNode, nil
}
