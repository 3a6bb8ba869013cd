package setup

import (
	"context"
	"errors"
	"fmt"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/twitterauth"
)

// Error says why the set-up did not come to its end, and what to do. It never
// holds a secret.
type Error struct {
	Err  error
	Hint string
	Code int // of the exitcode table
}

func (e *Error) Error() string { return e.Err.Error() }

func (e *Error) Unwrap() error { return e.Err }

// ExitCode implements the exitcode table.
func (e *Error) ExitCode() int { return e.Code }

// nobody: something is missing and there is no terminal to ask at.
func (d *dialogue) nobody(needKey bool) error {
	what := "authorisation"
	if needKey {
		what = "application key"
	}
	return &Error{
		Err:  fmt.Errorf("set up: the %s is missing and there is no terminal to ask at", what),
		Hint: "run on a terminal: " + d.Command,
		Code: exitcode.Config,
	}
}

// cannotKeep: an answer could not be saved, or would not count.
func (d *dialogue) cannotKeep(err error) error {
	return &Error{
		Err:  fmt.Errorf("set up: %w", err),
		Hint: "put that right, then run: " + d.Command,
		Code: exitcode.Config,
	}
}

// stopped: the person left. That is not ctx's error, which would count as a
// job done: whoever waits for the authorisation must see that there is none.
func (d *dialogue) stopped(err error) error {
	d.say("\n")
	if !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("set up: the input ended, %s: %w", d.kept(), err)
	} else {
		err = fmt.Errorf("set up: stopped, %s", d.kept())
	}
	return &Error{Err: err, Hint: "to go on, run: " + d.Command, Code: exitcode.Config}
}

func (d *dialogue) kept() string {
	if d.saved {
		return "the application key is saved, the authorisation is missing"
	}
	return "nothing was saved"
}

func (d *dialogue) noAnswer() error {
	return &Error{
		Err:  fmt.Errorf("set up: no answer after %d questions, %s", tries, d.kept()),
		Hint: "to try again, run: " + d.Command,
		Code: exitcode.Config,
	}
}

func (d *dialogue) outOfPINs(err error) error {
	return &Error{
		Err:  fmt.Errorf("set up: %d PINs were refused, the last by %w", tries, err),
		Hint: "sign in to Twitter in the browser first, then run: " + d.Command,
		Code: exitcode.Credentials,
	}
}

// refusedForGood: the key that was refused cannot be replaced by asking.
func (d *dialogue) refusedForGood(refused, cannot error) error {
	return &Error{
		Err:  fmt.Errorf("set up: the application key was refused: %w", refused),
		Hint: "another key cannot be kept: " + cannot.Error(),
		Code: exitcode.Credentials,
	}
}

// failed: the service's answer, or none, with what twitterauth advises.
func (d *dialogue) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return d.stopped(ctx.Err())
	}
	e := &Error{Err: fmt.Errorf("set up: %w", err), Hint: hintOf(err), Code: exitcode.Of(err)}
	if e.Hint == "" {
		e.Hint = advice(kindOf(err))
	}
	e.Hint += "; then run: " + d.Command
	if !d.saved && d.asked {
		e.Hint += " (nothing was saved)"
	}
	return e
}

func hintOf(err error) string {
	var auth *twitterauth.Error
	if errors.As(err, &auth) {
		return auth.Hint
	}
	return ""
}

// advice stands in where an error brings none.
func advice(kind twitterauth.Kind) string {
	switch kind {
	case twitterauth.Network:
		return "check the network, and HTTPS_PROXY if you need one"
	case twitterauth.RefusedKey:
		return "check the application's key and secret in the developer portal"
	case twitterauth.WrongPIN:
		return "open the page anew and type the PIN that it shows"
	case twitterauth.ClockSkew:
		return "set the computer's clock"
	case twitterauth.Unconfirmed:
		return "enter a callback URL in the application's settings (any will do)"
	}
	return "check request_token_url, authorize_url and access_token_url"
}
