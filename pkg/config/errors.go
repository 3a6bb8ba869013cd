package config

import (
	"fmt"
	"strings"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/redact"
)

// Problem is one thing wrong.
type Problem struct {
	File, Key, Value string // Value is never a secret
	Allowed          string // what is allowed, or what to do
}

// String returns "file: key: value: allowed", without what is empty.
func (p Problem) String() string {
	var parts []string
	for _, part := range []string{p.File, p.Key, p.Value, p.Allowed} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Errors are all problems of one run, one line each. It exits 3.
type Errors []Problem

func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// ExitCode implements the exitcode table.
func (Errors) ExitCode() int { return exitcode.Config }

// problem records what is wrong with a key's value, naming the place that set it.
func (l *loader) problem(name, allowed string) {
	o := l.config.origins[name]
	k, _ := find(name)
	l.problems = append(l.problems, Problem{File: o.file, Key: o.name, Value: k.show(o.text), Allowed: allowed})
}

func (l *loader) warn(format string, args ...any) {
	l.config.Warnings = append(l.config.Warnings, fmt.Sprintf(format, args...))
}

// show returns a value as it may be printed.
func (k key) show(value string) string {
	switch {
	case value == "":
		return "(empty)"
	case k.Secret:
		return "(secret)"
	case k.url && value != none:
		return redact.URL(value) // userinfo and query may be secrets
	}
	return redact.Text(value)
}
