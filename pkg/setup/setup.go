// Package setup is the dialogue of a first run: the notice about stored keys,
// the application's key and secret, and the authorisation by PIN.
//
// It guarantees that nothing is asked before it is certain that the answer can
// be kept, that a key is saved only once the service has taken it, and never
// without its secret, and that neither a secret nor the page's URL goes
// anywhere but to the terminal and the callbacks.
//
// It must not know files, configuration or logs: what is there and where it is
// kept is handed in.
package setup

import (
	"context"

	"github.com/storj/twitter-stream/pkg/twitterauth"
)

// tries is how many PINs, keys and empty answers are put up with.
const tries = 3

// Config says what there is and what is wanted.
type Config struct {
	Warn  bool // show the notice about stored keys
	Sign  bool // the stream is signed by OAuth 1.0a
	App   bool // the stream is read with the application's own token; if neither, nothing is asked for
	Force bool // authorise although there is a token

	Consumer twitterauth.Consumer // a blank part is missing
	Token    twitterauth.Token
	Bearer   bool // there is a token of the application
	Prove    bool // fetch one also where there is a key already: whoever needs it would do so later

	KeyFile, TokenFile string // where both are kept, for the texts
	Command            string // what to type to authorise: "daemon auth -c /etc/config.ini"
}

// Deps are what the dialogue works with.
type Deps struct {
	Terminal Terminal

	// WarnShown has the notice not shown again; when it fails, RememberWarn
	// remembers that elsewhere, or is nil.
	WarnShown, RememberWarn func() error

	// CanSave… fail when what is asked for could not be kept, or would be
	// overridden by the environment, naming the file or the variable.
	CanSaveConsumer, CanSaveToken func() error
	// Save… have both parts on disk when they return nil, or change nothing.
	SaveConsumer func(twitterauth.Consumer) error
	SaveToken    func(twitterauth.Token) error
	// CanSaveBearer, SaveBearer and Fetch are the same for the application's own
	// token; Fetch proves the key.
	CanSaveBearer func() error
	SaveBearer    func(token string) error
	Fetch         func(ctx context.Context, consumer twitterauth.Consumer) (token string, err error)

	// Start begins an authorisation: it proves the key and returns the page
	// that the person has to open. Its errors, and those of Finish, are
	// *twitterauth.Error.
	Start func(ctx context.Context, consumer twitterauth.Consumer) (Flow, string, error)
}

// Flow is one authorisation in progress.
type Flow interface {
	Finish(ctx context.Context, pin string) (twitterauth.Token, error)
}

// Terminal is where the person is. A read returns io.EOF at the end of the
// input and ctx's error when ctx ends, the terminal being as it was before.
type Terminal interface {
	Print(text string)
	ReadLine(ctx context.Context, prompt string) (string, error)
	ReadSecret(ctx context.Context, prompt string) (string, error) // without echo
	IsTerminal() bool
}

var _ Flow = (*twitterauth.Flow)(nil)

// Run shows the notice and asks for what is missing. It blocks for as long as
// the person takes. The error is *Error; then nothing is kept by half.
func Run(ctx context.Context, cfg Config, deps Deps) error {
	d := &dialogue{Config: cfg, Deps: deps, say: deps.Terminal.Print}
	if cfg.Warn {
		d.notice()
	}
	needKey := cfg.Consumer.Key == "" || cfg.Consumer.Secret == ""
	needToken := cfg.Force || cfg.Token.Token == "" || cfg.Token.Secret == ""
	if cfg.App {
		return d.runApp(ctx, needKey)
	}
	if !cfg.Sign || !needKey && !needToken {
		return nil
	}
	if err := d.ready(needKey, needToken); err != nil {
		return err
	}
	if needToken {
		return d.authorise(ctx)
	}
	_, _, err := d.begin(ctx) // the token is there: only the key is asked for, and proved
	return err
}

// runApp asks for the key where there is neither it nor a token, and fetches one.
func (d *dialogue) runApp(ctx context.Context, needKey bool) error {
	if !d.Force && (d.Bearer || !needKey && !d.Prove) {
		return nil
	}
	if err := d.CanSaveBearer(); err != nil {
		return d.cannotKeep(err)
	}
	if needKey {
		if err := d.ready(true, false); err != nil {
			return err
		}
	}
	return d.application(ctx)
}

// dialogue is one run.
type dialogue struct {
	Config
	Deps
	say func(string)

	asked bool // Consumer came from the person
	saved bool // and is on disk
}

// ready checks, before the first question, that there is somebody to answer
// and that the answers can be kept.
func (d *dialogue) ready(needKey, needToken bool) error {
	for _, check := range []struct {
		needed  bool
		canSave func() error
	}{{needKey, d.CanSaveConsumer}, {needToken, d.CanSaveToken}} {
		if !check.needed {
			continue
		}
		if err := check.canSave(); err != nil {
			return d.cannotKeep(err)
		}
	}
	if !d.Terminal.IsTerminal() {
		return d.nobody(needKey)
	}
	return nil
}

// notice is shown once, whoever reads it.
func (d *dialogue) notice() {
	d.say(noticeText(d.KeyFile, d.TokenFile))
	err := d.WarnShown()
	if err == nil {
		return
	}
	if d.RememberWarn != nil && d.RememberWarn() == nil {
		d.say("(warn = 0 could not be set: " + err.Error() + ". It is remembered all the same.)\n\n")
		return
	}
	d.say("(warn = 0 could not be set: " + err.Error() + ". Set it yourself, or you will see this again.)\n\n")
}
