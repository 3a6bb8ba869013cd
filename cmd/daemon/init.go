package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/examples"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/setup"
)

// tryTime is how long a first message may take to come: a quiet stream is no
// broken one.
const tryTime = 30 * time.Second

func initCommand(frame *app.Frame) *cobra.Command {
	var given []string
	try := true
	cmd := &cobra.Command{
		Use:   "init NETWORK",
		Short: "Write a config.ini for one of today's networks, and try it",
		Long: `init writes a configuration where there is none: ` + strings.Join(examples.Names(), ", ") + `. It asks
for what only you know, such as a token, and waits for a first message.`,
		Example: `  daemon init bluesky
  daemon init wikimedia -c wiki/config.ini --set stream_contact=me@example.org`,
		Args:      app.Args(cobra.ExactArgs(1)),
		ValidArgs: examples.Names(),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx, stop := frame.Lifetime(cmd.Context())
			defer stop()
			values, err := settings(given)
			if err != nil {
				return app.Usage(err)
			}
			if err := writeConfig(ctx, frame, args[0], values); err != nil || !try {
				return err
			}
			return tryConfig(ctx, frame)
		},
	}
	cmd.Flags().StringArrayVar(&given, "set", nil, "`KEY=VALUE` for the file, no secret; may be repeated")
	cmd.Flags().BoolVar(&try, "try", true, "wait for a first message")
	return cmd
}

// settings takes --set. Secrets are not given so: arguments are for all to see.
func settings(given []string) (map[string]string, error) {
	values := map[string]string{}
	for _, pair := range given {
		name, value, ok := strings.Cut(pair, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if !ok {
			return nil, fmt.Errorf("--set %s: write KEY=VALUE", name)
		}
		if slices.ContainsFunc(config.Keys(), func(k config.Key) bool { return k.Name == name && k.Secret }) {
			return nil, fmt.Errorf("--set %s: a secret, which other people on this machine could read there; it is asked for, or taken from %s", name, config.Variable(name))
		}
		if err := config.Check(name, value); err != nil {
			return nil, fmt.Errorf("--set %s: %w", name, err)
		}
		values[name] = value
	}
	return values, nil
}

// writeConfig asks for what is missing and writes the file.
func writeConfig(ctx context.Context, frame *app.Frame, network string, values map[string]string) error {
	path := frame.ConfigPath()
	template, ok := examples.Config(network)
	if !ok {
		return app.Usage(fmt.Errorf("%q is none of %s", network, strings.Join(examples.Names(), ", ")))
	}
	exists := &app.ConfigError{Err: fmt.Errorf("there is a configuration already: %s", path), Advice: "change it, or write another one: -c FILE"}
	if _, err := os.Lstat(path); err == nil {
		return exists
	}
	answers, err := setup.Ask(ctx, terminal(frame), app.Command("daemon init "+network, path), questions(network, values))
	if err != nil {
		return err
	}
	if err := finishAnswers(ctx, answers, values); err != nil {
		return err
	}
	err = config.Create(path, template, values)
	if errors.Is(err, fs.ErrExist) {
		return exists
	}
	if err != nil {
		return &app.ConfigError{Err: err, Advice: "make the directory, or write elsewhere: -c FILE"}
	}
	cfg, err := frame.Load()
	if err != nil {
		return err
	}
	fmt.Fprintf(frame.Out, "written: %s\n", cfg.Path)
	return firstRun(ctx, frame, cfg, nil, false)
}

// tryConfig has the real grabber fetch one message.
func tryConfig(ctx context.Context, frame *app.Frame) error {
	grabber, err := beside("grabber")
	if err != nil {
		return err
	}
	path := frame.ConfigPath()
	fmt.Fprintf(frame.Out, "trying it: waiting for a message, for %v at most\n", tryTime)
	message, err := os.CreateTemp("", "first-message-")
	if err != nil {
		return err
	}
	defer os.Remove(message.Name())
	defer message.Close()
	cmd := exec.CommandContext(ctx, grabber, "-c", path, "--stdout", "--messages", "1", "--duration", tryTime.String())
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stdout, cmd.Stderr = message, os.Stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &app.ConfigError{Err: fmt.Errorf("the trial has failed: %w", err), Advice: "the grabber says why; put it right in " + path + ", then run: " + app.Command("daemon check", path)}
	}
	works := "it works"
	if info, err := message.Stat(); err == nil && info.Size() == 0 {
		works = "connected, but no message came; that may be right for a quiet stream"
	}
	fmt.Fprintf(frame.Out, works+". Start the capture: %s\n", app.Command("daemon", path))
	return nil
}
