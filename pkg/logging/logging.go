// Package logging sets up one process's logs: text on the terminal, JSON in a
// rotated file of its own, errors once more in the shared error.log.
//
// One writer a file, by a lock beside it: who does not get it, or cannot write
// there, says so once and logs to standard error alone. Nothing that goes
// wrong with a log ever reaches who logs. It must not know what is logged.
package logging

import (
	"io"
	"os"
	"path/filepath"

	"github.com/sirupsen/logrus"
)

// Config says where and how much.
type Config struct {
	Component string    // "grabber": names the file and the field
	Dir       string    // log_directory; "" logs to the console only
	Console   io.Writer // nil: none (a supervised child)
	Level     Level
	MaxBytes  int64 // log_max_size, rounded up to whole MiB
	MaxFiles  int   // log_max_files; the file being written is not counted
	// RotateErrors is the daemon's: it alone rotates error.log.
	RotateErrors bool
	// Fallback takes what cannot go to the file of a process without a
	// console; nil means os.Stderr.
	Fallback io.Writer
}

// Level is how much the console shows; files always get everything from info on.
type Level int

// The levels of the console.
const (
	Normal  Level = iota // start-up, problems, summaries
	Quiet                // errors only
	Verbose              // everything; files get debug too
)

// Log is an open set of logs.
type Log struct {
	*logrus.Entry
	outputs *outputs
}

// Path returns the file that a component logs to.
func Path(dir, component string) string { return filepath.Join(dir, component+".log") }

// Open returns the logs; it never fails: what cannot be written to is said on
// the console once, tried again every second and then used.
func Open(cfg Config) *Log {
	logger := logrus.New()
	logger.SetOutput(io.Discard) // all writing is the hook's
	logger.SetFormatter(nothing{})
	logger.SetLevel(logrus.InfoLevel)
	if cfg.Level == Verbose {
		logger.SetLevel(logrus.DebugLevel)
	}
	out := &outputs{console: newConsole(cfg), fallback: newFallback(cfg)}
	if cfg.Dir != "" {
		out.file = newFile(cfg)
		out.errors = newErrorLog(cfg)
		if cfg.RotateErrors {
			out.watchErrors()
		}
	}
	logger.AddHook(out)
	out.open()
	return &Log{Entry: logger.WithField(componentKey, cfg.Component), outputs: out}
}

// Close flushes and frees the files; it is idempotent. What is logged later
// goes to the console alone.
func (l *Log) Close() error { return l.outputs.close() }

// HideConsole has what is logged from now on go to the files alone: for an
// error that the command itself tells the person.
func (l *Log) HideConsole() { l.outputs.hideConsole() }

// nothing keeps logrus from formatting what it does not write.
type nothing struct{}

func (nothing) Format(*logrus.Entry) ([]byte, error) { return nil, nil }

func newConsole(cfg Config) *console {
	if cfg.Console == nil {
		return nil
	}
	levels := map[Level]logrus.Level{Normal: logrus.InfoLevel, Quiet: logrus.ErrorLevel, Verbose: logrus.DebugLevel}
	return &console{w: cfg.Console, style: styleOf(cfg.Console), level: levels[cfg.Level]}
}

func newFallback(cfg Config) *console {
	w := cfg.Fallback
	if w == nil {
		w = os.Stderr
	}
	return &console{w: w, style: styleOf(w), level: logrus.InfoLevel}
}
