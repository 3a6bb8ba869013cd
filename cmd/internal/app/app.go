// Package app is the frame that the three commands share: common flags,
// configuration, logs, signals, the watch over the parent, and how an error
// becomes a line, a hint and an exit code.
//
// It must not know what a command is for.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/logging"
)

// Streams are a command's standard streams.
type Streams struct {
	In       *os.File
	Out, Err io.Writer
}

// Frame holds the common flags of one command and what they lead to.
type Frame struct {
	Name string // "daemon", "grabber", "uploader"
	Streams

	configPath     string
	verbose, quiet bool
	overrides      map[string]*string // configuration key to flag value
	supervised     int                // the daemon's pid, 0 without one
	log            *logging.Log       // nil until OpenLog
}

// New returns the frame of the named command.
func New(name string, streams Streams) *Frame {
	return &Frame{Name: name, Streams: streams, overrides: map[string]*string{}, supervised: parentPID()}
}

// Supervised reports whether a daemon started this process.
func (f *Frame) Supervised() bool { return f.supervised != 0 }

// Verbose reports whether -v was given.
func (f *Frame) Verbose() bool { return f.verbose }

// Root prepares the command's root with the flags that all three share.
func (f *Frame) Root(root *cobra.Command) {
	root.Version = Version()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(f.In)
	root.SetOut(f.Out)
	root.SetErr(f.Err)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetUsageTemplate(root.UsageTemplate() + exitStatus)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w%s", err, nearestFlag(cmd, err))}
	})
	flags := root.PersistentFlags()
	flags.StringVarP(&f.configPath, "config", "c", "config.ini", "configuration `file`")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show everything on the console")
	flags.BoolVar(&f.verbose, "verbosity", false, "")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show errors only")
	_ = flags.MarkHidden("verbosity") // fails only for a flag that is not there
	f.Override(root, "store", "grabber_storage_directory", "store `directory`")
}

// ConfigPath is where the configuration is, or is to be, as it was typed.
func (f *Frame) ConfigPath() string { return f.configPath }

// Override adds a flag that overrides a configuration key.
func (f *Frame) Override(cmd *cobra.Command, flag, key, usage string) {
	f.overrides[key] = cmd.PersistentFlags().String(flag, "", usage)
}

// Flags returns the configuration keys that flags override, with their values:
// what a daemon hands on to its children. Paths in it are absolute.
func (f *Frame) Flags() map[string]string {
	flags := map[string]string{}
	for key, value := range f.overrides {
		if *value == "" {
			continue
		}
		flags[key] = *value
		// What a person types is relative to where they are, not to config.ini.
		here, err := os.Getwd()
		switch {
		case err != nil:
		case key == "grabber_storage_directory":
			flags[key] = absolute(here, *value)
		case key == "upload_url":
			flags[key] = config.AbsoluteUpload(here, *value)
		}
	}
	return flags
}

func absolute(here, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(here, path)
}

// Load reads and checks the configuration. The uploader does not sign, so it
// does not see Twitter's credentials; the grabber does not see the storage's.
func (f *Frame) Load() (*config.Config, error) {
	cfg, err := config.Load(config.Source{
		Path: f.configPath, Flags: f.Flags(), Environ: os.Environ(),
		NoCredentials: f.Name == "uploader",
		NoStorage:     f.Name == "grabber",
	})
	if err != nil {
		for _, warning := range cfg.Warnings { // the misspelt key may be what is missing
			fmt.Fprintf(f.Err, "%s: warning: %s\n", f.Name, warning)
		}
	}
	return cfg, err
}

// OpenLog opens the logs that cfg asks for and says cfg's warnings in them.
// Execute closes them.
func (f *Frame) OpenLog(cfg *config.Config) *logging.Log {
	return f.open(cfg, cfg.LogDir)
}

// OpenConsole is OpenLog without files, for what a person runs beside the
// long-running process of the same name, whose files they are.
func (f *Frame) OpenConsole(cfg *config.Config) *logging.Log { return f.open(cfg, "") }

func (f *Frame) open(cfg *config.Config, dir string) *logging.Log {
	settings := logging.Config{
		Component: f.Name, Dir: dir,
		MaxBytes: cfg.LogMaxSize, MaxFiles: cfg.LogMaxFiles,
		RotateErrors: f.Name == "daemon",
	}
	if !f.Supervised() {
		settings.Console = f.Err
	}
	switch {
	case f.quiet:
		settings.Level = logging.Quiet
	case f.verbose:
		settings.Level = logging.Verbose
	}
	f.log = logging.Open(settings)
	for _, warning := range cfg.Warnings {
		f.log.Warn(warning)
	}
	return f.log
}

// OnTerminal reports whether w is a terminal.
func OnTerminal(w any) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Execute runs root with args and returns the exit code, having told what went
// wrong and what to do about it: the person on the console, the logs once.
func (f *Frame) Execute(ctx context.Context, root *cobra.Command, args []string) int {
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if f.log != nil {
		defer f.log.Close()
	}
	if err == nil || errors.Is(err, context.Canceled) {
		return exitcode.Done
	}
	var usage usageError
	if !errors.As(err, &usage) && isUnknownCommand(err) {
		err = usageError{err}
	}
	if !errors.Is(err, ErrReported) {
		f.report(err)
	}
	return exitcode.Of(err)
}

// report tells the logs, if there are any yet, and the person, if there is one.
func (f *Frame) report(err error) {
	hint := Hint(err)
	if f.log != nil {
		f.log.HideConsole()
		f.log.WithFields(logrus.Fields{"err": err, "hint": hint}).Error(f.Name + " has failed")
		if f.Supervised() {
			return
		}
	}
	for line := range strings.SplitSeq(strings.TrimRight(err.Error(), "\n"), "\n") {
		fmt.Fprintf(f.Err, "%s: error: %s\n", f.Name, line)
	}
	if hint != "" {
		fmt.Fprintf(f.Err, "%s: hint: %s\n", f.Name, hint)
	}
}
