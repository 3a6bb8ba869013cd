// Package exitcode names the exit codes that daemon, grabber and uploader
// share, and finds the one that an error stands for. The commands exit with
// them, the supervisor decides on them; both read this one table.
//
// It knows no error type: any error in a chain that has an ExitCode method
// decides for itself.
package exitcode

import (
	"context"
	"errors"
)

// The exit codes. 2 doubles as the code of Go's own crashes (panic, fatal
// error, SIGQUIT), which is why a supervisor treats it as one.
const (
	Done        = 0 // finished, or asked to stop
	Failed      = 1 // gave up after its retries
	Usage       = 2 // wrong flags or arguments
	Config      = 3 // configuration or authorisation missing or wrong
	Credentials = 4 // the service refused the credentials
	Store       = 5 // the store is locked, read-only, failing or gone
)

// Of returns the exit code for err: Done for nil and for our own
// cancellation, what the first error with an ExitCode method says, else
// Failed.
func Of(err error) int {
	if err == nil || errors.Is(err, context.Canceled) {
		return Done
	}
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return coded.ExitCode()
	}
	return Failed
}
