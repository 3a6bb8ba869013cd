package app

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/setup"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/stream"
	"github.com/storj/twitter-stream/pkg/twitterauth"
)

const exitStatus = `
EXIT STATUS
  0  done, or asked to stop
  1  failed after its retries
  2  wrong usage
  3  configuration or authorisation missing or wrong
  4  the service refused the credentials
  5  the store is locked, read-only, failing or gone
`

// ErrReported ends a command whose output has already said what is wrong
// (a failed check): exit 1 without another word.
var ErrReported = errors.New("reported")

// usageError is a wrong flag or argument: exit 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// ExitCode implements the exitcode table.
func (usageError) ExitCode() int { return exitcode.Usage }

// Usage makes err a usage error.
func Usage(err error) error { return usageError{err} }

// Args makes the errors of a cobra argument check usage errors.
func Args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{fmt.Errorf("%w%s", err, nearestCommand(cmd, args))}
		}
		return nil
	}
}

// ConfigError is a configuration that cannot serve this command: exit 3.
type ConfigError struct {
	Err    error
	Advice string
}

func (e *ConfigError) Error() string { return e.Err.Error() }

func (e *ConfigError) Unwrap() error { return e.Err }

// ExitCode implements the exitcode table.
func (e *ConfigError) ExitCode() int { return exitcode.Config }

// Hint returns what to do about err where its type knows.
func Hint(err error) string {
	var (
		conf     *ConfigError
		upstream *stream.Error
		node     *sink.Error
		spool    *store.Error
		locked   *store.LockedError
		auth     *twitterauth.Error
		dialogue *setup.Error
		usage    usageError
	)
	switch {
	case errors.As(err, &conf):
		return conf.Advice
	case errors.As(err, &upstream):
		return upstream.Hint
	case errors.As(err, &node):
		return node.Hint
	case errors.As(err, &locked):
		return "stop that process, or give this one a store of its own (--store DIR)"
	case errors.As(err, &spool):
		return spool.Hint
	case errors.As(err, &dialogue):
		return dialogue.Hint
	case errors.As(err, &auth):
		return auth.Hint
	case errors.As(err, &usage):
		return "--help shows what there is"
	}
	return ""
}

// AuthCommand is what a person types to authorise with this configuration.
func AuthCommand(config string) string { return Command("daemon auth", config) }

// Command is what a person types to run a command with this configuration.
func Command(command, config string, args ...string) string {
	for _, arg := range args {
		command += " " + quoted(arg)
	}
	return command + " -c " + quoted(config)
}

// quoted returns word as a shell takes it.
func quoted(word string) string {
	if strings.ContainsAny(word, " \t'\"\\$&;()<>|*?`") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// isUnknownCommand recognises cobra's only untyped usage errors.
func isUnknownCommand(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "unknown command") || strings.HasPrefix(text, "unknown flag")
}

// nearestFlag names the flag that was probably meant.
func nearestFlag(cmd *cobra.Command, err error) string {
	_, wrong, found := strings.Cut(err.Error(), "unknown flag: --")
	if !found {
		return ""
	}
	var names []string
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if !flag.Hidden {
			names = append(names, flag.Name)
		}
	})
	return meant("--", config.Nearest(wrong, names))
}

// nearestCommand names the command that was probably meant.
func nearestCommand(cmd *cobra.Command, args []string) string {
	if len(args) == 0 {
		return ""
	}
	var names []string
	for _, child := range cmd.Commands() {
		if child.IsAvailableCommand() {
			names = append(names, child.Name())
		}
	}
	return meant("", config.Nearest(args[0], names))
}

func meant(dashes, name string) string {
	if name == "" {
		return ""
	}
	return "; did you mean " + dashes + name + "?"
}
