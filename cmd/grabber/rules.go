package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/network"
	"github.com/storj/twitter-stream/pkg/rules"
)

// ruleOptions are the flags that the rules' commands share.
type ruleOptions struct{ dryRun, asJSON bool }

func rulesCommand(frame *app.Frame) *cobra.Command {
	opts := &ruleOptions{}
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "List or change the rules of X's filtered stream",
		Long: `rules works on the rules of the stream that stream_url names, X's filtered one
(/2/tweets/search/stream), also while it is captured: a change takes effect after
some 20 seconds.

A file of rules holds one a line: the rule; or the rule, a tabulator and a tag;
or {"value": "…", "tag": "…"}. Blank lines and those that begin with # are
comments, so that a rule which begins with a hashtag is put in brackets:

  # what we look for
  (storj OR filecoin) lang:en	storage
  (#bitcoin -is:retweet)`,
		Example: "  grabber rules list\n  grabber rules sync rules.txt --dry-run\n  grabber rules sync rules.txt",
		Args:    app.Args(cobra.NoArgs),
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	list := &cobra.Command{
		Use: "list", Short: "Print the rules, as a file of rules", Args: app.Args(cobra.NoArgs),
		Example: "  grabber rules list > rules.txt\n  grabber rules list --json | jq .id",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withRules(cmd.Context(), frame, func(ctx context.Context, c *rules.Client) error { return listRules(ctx, frame, c, opts) })
		},
	}
	list.Flags().BoolVar(&opts.asJSON, "json", false, "print a JSON object a rule, with its id")
	cmd.AddCommand(list,
		changeCommand(frame, opts, rules.Add, "add", "Add the rules of a file (- is standard input)"),
		changeCommand(frame, opts, rules.Remove, "remove", "Remove the rules that stand in a file (- is standard input)"),
		changeCommand(frame, opts, rules.Sync, "sync", "Make the rules those of a file (- is standard input), and no others"))
	return cmd
}

func changeCommand(frame *app.Frame, opts *ruleOptions, mode rules.Mode, name, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: name + " FILE", Short: short, Args: app.Args(cobra.ExactArgs(1)),
		Long: short + `.
New rules are judged by the service before anything is changed; one that it does
not take is named by file and line, and nothing is changed. Done twice, the second
time changes nothing.`,
		Example: fmt.Sprintf("  grabber rules %[1]s rules.txt\n  grabber rules %[1]s rules.txt --dry-run --json", name),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withRules(cmd.Context(), frame, func(ctx context.Context, c *rules.Client) error {
				return changeRules(ctx, frame, c, args[0], mode, opts)
			})
		},
	}
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "change nothing, say what would be changed")
	cmd.Flags().BoolVar(&opts.asJSON, "json", false, "print the change as one JSON object")
	return cmd
}

// withRules does something with the rules of the configured stream.
func withRules(parent context.Context, frame *app.Frame, do func(context.Context, *rules.Client) error) error {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	cfg, err := frame.Load()
	if err != nil {
		return err
	}
	var log *logrus.Entry
	with, err := authorise(cfg, func() *logrus.Entry { return log })
	if err == nil && cfg.StreamKind != network.X {
		err = &app.ConfigError{Err: rules.ErrNoRules, Advice: "set stream_url in " + cfg.Path + ", or give --stream-url"}
	}
	if err != nil {
		return err
	}
	client, err := rules.New(rules.Config{
		StreamURL: cfg.StreamURL, Client: &http.Client{Transport: with.transport}, UserAgent: app.UserAgent(), Bearer: with.bearer,
	})
	if err != nil {
		return &app.ConfigError{Err: err, Advice: "set stream_url in " + cfg.Path + ", or give --stream-url"}
	}
	log = frame.OpenConsole(cfg).Entry
	return do(ctx, client)
}

func listRules(ctx context.Context, frame *app.Frame, c *rules.Client, opts *ruleOptions) error {
	all, err := c.List(ctx)
	if err != nil {
		return err
	}
	for _, rule := range all {
		line := rule.Format()
		if opts.asJSON {
			data, err := json.Marshal(rule)
			if err != nil {
				return err
			}
			line = string(data)
		}
		if _, err := fmt.Fprintln(frame.Out, line); err != nil {
			return err
		}
	}
	return nil
}

func changeRules(ctx context.Context, frame *app.Frame, c *rules.Client, name string, mode rules.Mode, opts *ruleOptions) error {
	wanted, err := readRules(frame, name)
	if err != nil {
		return err
	}
	change, err := c.Apply(ctx, name, wanted, mode, opts.dryRun)
	var bad *rules.InvalidError
	if errors.As(err, &bad) {
		err = &app.ConfigError{Err: err, Advice: "correct these lines, then do it again"}
	}
	if printed := printChange(frame.Out, change, err, opts); err == nil {
		err = printed
	}
	return err
}

func readRules(frame *app.Frame, name string) ([]rules.Rule, error) {
	if name == "-" {
		return parseRules("standard input", frame.In)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, &app.ConfigError{Err: fmt.Errorf("read the rules: %w", err), Advice: "grabber rules --help shows what such a file looks like"}
	}
	defer file.Close()
	return parseRules(name, file)
}

func parseRules(name string, r io.Reader) ([]rules.Rule, error) {
	wanted, err := rules.Parse(name, r)
	var bad *rules.FileError
	if errors.As(err, &bad) {
		err = &app.ConfigError{Err: err, Advice: "correct these lines: grabber rules --help shows what they look like; nothing was changed"}
	}
	return wanted, err
}

// printChange says what was done, also where it ended early.
func printChange(w io.Writer, change rules.Change, failed error, opts *ruleOptions) error {
	if opts.asJSON {
		var bad *rules.InvalidError
		var invalid []rules.Invalid
		if errors.As(failed, &bad) {
			invalid = bad.Rules
		}
		data, err := json.Marshal(struct {
			rules.Change
			Invalid []rules.Invalid `json:"invalid,omitempty"`
		}{change, invalid})
		if err == nil {
			_, err = w.Write(append(data, '\n'))
		}
		return err
	}
	for _, rule := range change.Removed {
		fmt.Fprintln(w, "- "+rule.Format())
	}
	for _, rule := range change.Added {
		fmt.Fprintln(w, "+ "+rule.Format())
	}
	if failed != nil && len(change.Added)+len(change.Removed) == 0 {
		return nil // the error says it
	}
	would := ""
	if change.DryRun {
		would = "would be "
	}
	_, err := fmt.Fprintf(w, "%[1]s%[2]d added, %[1]s%[3]d removed, %[4]d unchanged\n", would, len(change.Added), len(change.Removed), change.Unchanged)
	return err
}
