package setup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/exitcode"
	"github.com/storj/twitter-stream/pkg/twitterauth"
)

const command = "daemon auth -c /etc/config.ini"

var (
	key   = twitterauth.Consumer{Key: "key", Secret: "secret"}
	token = twitterauth.Token{Token: "old", Secret: "oldsecret"}

	wrongPIN   = refusal(twitterauth.WrongPIN, "type the PIN of the new page")
	refusedKey = refusal(twitterauth.RefusedKey, "check the key")
	noNetwork  = refusal(twitterauth.Network, "check the network")
	wrongClock = refusal(twitterauth.ClockSkew, "your clock is 7m behind: set it")
	noCallback = refusal(twitterauth.Unconfirmed, "enter a callback URL")
)

func TestRun(t *testing.T) {
	t.Parallel()
	cannot := func() error { return errors.New("/etc/api.ini: cannot be written: read-only file system") }
	overridden := func() error {
		return errors.New("environment: TWITTER_STREAM_OAUTH_TOKEN: unset it, since it would override what is to be saved")
	}
	for _, tt := range []struct {
		name    string
		in      Config
		script  script
		change  func(*Deps)
		asked   []string
		events  []string
		code    int
		err     string // in the error or its hint
		shown   string // on the terminal
		notShow string
	}{
		{name: "nothing missing", in: Config{Consumer: key, Token: token}},
		{name: "not signed", in: Config{Sign: false}, script: script{blind: true}},
		{name: "first run",
			in:     Config{Warn: true},
			script: script{answers: []string{"key", "secret", "1234567"}},
			asked:  []string{"App key: ", "*App secret (it is not shown): ", "PIN: "},
			events: []string{"warn off", "start key/secret", "save key key/secret", "pin 1234567 for page 1", "save token tok/toksecret"},
			shown:  "oauth_token=page1", notShow: "secret\n"},
		{name: "token missing",
			in: Config{Consumer: key}, script: script{answers: []string{" 123 4567 "}},
			asked:  []string{"PIN: "},
			events: []string{"start key/secret", "pin 1234567 for page 1", "save token tok/toksecret"}},
		{name: "half a key is none",
			in: Config{Consumer: twitterauth.Consumer{Key: "key"}, Token: token}, script: script{answers: []string{"k2", "s2"}},
			asked:  []string{"App key: ", "*App secret (it is not shown): "},
			events: []string{"start k2/s2", "save key k2/s2"}},
		{name: "force",
			in: Config{Consumer: key, Token: token, Force: true}, script: script{answers: []string{"1"}},
			asked:  []string{"PIN: "},
			events: []string{"start key/secret", "pin 1 for page 1", "save token tok/toksecret"}},
		{name: "pasted blanks are taken off and said",
			in: Config{}, script: script{answers: []string{"  key\t", "\x1b[200~\u200bsecret\ufeff\x1b[201~\r", "1"}},
			asked:  []string{"App key: ", "*App secret (it is not shown): ", "PIN: "},
			events: []string{"start key/secret", "save key key/secret", "pin 1 for page 1", "save token tok/toksecret"},
			shown:  "blanks around it were taken off"},
		{name: "a blank in the middle is asked for again",
			in: Config{}, script: script{answers: []string{"the key", "key", "secret", "1"}},
			asked:  []string{"App key: ", "App key: ", "*App secret (it is not shown): ", "PIN: "},
			events: []string{"start key/secret", "save key key/secret", "pin 1 for page 1", "save token tok/toksecret"},
			shown:  "in the middle"},
		{name: "no answer at all",
			in: Config{}, script: script{answers: []string{"", " ", "\r"}},
			asked: []string{"App key: ", "App key: ", "App key: "},
			code:  exitcode.Config, err: "nothing was saved"},
		{name: "wrong PIN twice",
			in: Config{Consumer: key}, script: script{answers: []string{"1", "2", "3"}, finishes: []error{wrongPIN, wrongPIN}},
			asked: []string{"PIN: ", "PIN: ", "PIN: "},
			events: []string{"start key/secret", "pin 1 for page 1", "start key/secret", "pin 2 for page 2",
				"start key/secret", "pin 3 for page 3", "save token tok/toksecret"},
			shown: "oauth_token=page3"},
		{name: "wrong PIN three times",
			in: Config{Consumer: key}, script: script{answers: []string{"1", "2", "3"}, finishes: []error{wrongPIN, wrongPIN, wrongPIN}},
			asked:  []string{"PIN: ", "PIN: ", "PIN: "},
			events: []string{"start key/secret", "pin 1 for page 1", "start key/secret", "pin 2 for page 2", "start key/secret", "pin 3 for page 3"},
			code:   exitcode.Credentials, err: command},
		{name: "refused key is asked for again and only the good one saved",
			in: Config{}, script: script{answers: []string{"bad", "bad2", "key", "secret", "1"}, starts: []error{refusedKey}},
			asked:  []string{"App key: ", "*App secret (it is not shown): ", "App key: ", "*App secret (it is not shown): ", "PIN: "},
			events: []string{"start bad/bad2", "start key/secret", "save key key/secret", "pin 1 for page 1", "save token tok/toksecret"},
			shown:  "What helps: check the key"},
		{name: "refused key from the file",
			in: Config{Consumer: key}, script: script{answers: []string{"k2", "s2", "1"}, starts: []error{refusedKey}},
			asked:  []string{"App key: ", "*App secret (it is not shown): ", "PIN: "},
			events: []string{"start key/secret", "start k2/s2", "save key k2/s2", "pin 1 for page 1", "save token tok/toksecret"},
			shown:  "Twitter refused the key in /etc/api.ini"},
		{name: "refused key that cannot be replaced",
			in: Config{Consumer: key}, script: script{starts: []error{refusedKey}},
			change: func(d *Deps) { d.CanSaveConsumer = overridden },
			events: []string{"start key/secret"},
			code:   exitcode.Credentials, err: "TWITTER_STREAM_OAUTH_TOKEN"},
		{name: "keys refused three times",
			in:     Config{},
			script: script{answers: []string{"a", "a", "b", "b", "c", "c"}, starts: []error{refusedKey, refusedKey, refusedKey}},
			asked: []string{"App key: ", "*App secret (it is not shown): ", "App key: ", "*App secret (it is not shown): ",
				"App key: ", "*App secret (it is not shown): "},
			events: []string{"start a/a", "start b/b", "start c/c"},
			code:   exitcode.Credentials, err: "nothing was saved"},
		{name: "no network",
			in: Config{}, script: script{answers: []string{"key", "secret"}, starts: []error{noNetwork}},
			asked:  []string{"App key: ", "*App secret (it is not shown): "},
			events: []string{"start key/secret"},
			code:   exitcode.Failed, err: "check the network; then run: " + command + " (nothing was saved)"},
		{name: "wrong clock",
			in: Config{Consumer: key}, script: script{starts: []error{wrongClock}},
			events: []string{"start key/secret"}, code: exitcode.Credentials, err: "7m behind"},
		{name: "callback not confirmed",
			in: Config{Consumer: key}, script: script{starts: []error{noCallback}},
			events: []string{"start key/secret"}, code: exitcode.Credentials, err: "callback URL"},
		{name: "network gone at the PIN",
			in: Config{Consumer: key}, script: script{answers: []string{"1"}, finishes: []error{noNetwork}},
			asked: []string{"PIN: "}, events: []string{"start key/secret", "pin 1 for page 1"},
			code: exitcode.Failed, err: "check the network"},
		{name: "no terminal",
			in: Config{Warn: true}, script: script{blind: true}, events: []string{"warn off"},
			code: exitcode.Config, err: "run on a terminal: " + command},
		{name: "cannot be written",
			in: Config{}, change: func(d *Deps) { d.CanSaveConsumer = cannot },
			code: exitcode.Config, err: "read-only file system"},
		{name: "overridden by the environment",
			in: Config{Consumer: key, Force: true}, change: func(d *Deps) { d.CanSaveToken = overridden },
			code: exitcode.Config, err: "TWITTER_STREAM_OAUTH_TOKEN"},
		{name: "ctrl-c at the secret",
			in: Config{}, script: script{answers: []string{"key", ctrlC}},
			asked: []string{"App key: ", "*App secret (it is not shown): "},
			code:  exitcode.Config, err: "stopped, nothing was saved"},
		{name: "ctrl-d at the PIN, the key being saved",
			in: Config{}, script: script{answers: []string{"key", "secret", ctrlD}},
			asked:  []string{"App key: ", "*App secret (it is not shown): ", "PIN: "},
			events: []string{"start key/secret", "save key key/secret"},
			code:   exitcode.Config, err: "the application key is saved, the authorisation is missing"},
		{name: "key cannot be saved after all",
			in: Config{}, script: script{answers: []string{"key", "secret"}},
			change: func(d *Deps) { d.SaveConsumer = func(twitterauth.Consumer) error { return cannot() } },
			asked:  []string{"App key: ", "*App secret (it is not shown): "},
			events: []string{"start key/secret"}, code: exitcode.Config, err: "read-only file system"},
		{name: "token cannot be saved after all",
			in: Config{Consumer: key}, script: script{answers: []string{"1"}},
			change: func(d *Deps) { d.SaveToken = func(twitterauth.Token) error { return cannot() } },
			asked:  []string{"PIN: "}, events: []string{"start key/secret", "pin 1 for page 1"},
			code: exitcode.Config, err: "read-only file system"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			s := &tt.script
			s.t, s.cancel = t, cancel
			deps := s.deps()
			if tt.change != nil {
				tt.change(&deps)
			}
			cfg := tt.in
			cfg.Sign = tt.name != "not signed"
			cfg.KeyFile, cfg.TokenFile, cfg.Command = "/etc/api.ini", "/etc/oauth.ini", command
			err := Run(ctx, cfg, deps)
			checkError(t, err, tt.code, tt.err)
			if !slices.Equal(s.asked, tt.asked) {
				t.Errorf("asked %q, want %q", s.asked, tt.asked)
			}
			if !slices.Equal(s.events, tt.events) {
				t.Errorf("events %q, want %q", s.events, tt.events)
			}
			if shown := s.shown.String(); !strings.Contains(shown, tt.shown) || tt.notShow != "" && strings.Contains(shown, tt.notShow) {
				t.Errorf("shown:\n%s\nwant in it %q and not %q", shown, tt.shown, tt.notShow)
			}
		})
	}
}

func checkError(t *testing.T, err error, code int, text string) {
	t.Helper()
	if got := exitcode.Of(err); got != code {
		t.Errorf("exit code of %v = %d, want %d", err, got, code)
	}
	if err == nil {
		return
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error %T, want *Error", err)
	}
	all := e.Error() + "; " + e.Hint
	if !strings.Contains(all, text) || e.Hint == "" {
		t.Errorf("error and hint = %q, want in it %q", all, text)
	}
	for _, secret := range []string{"toksecret", "oldsecret", "page1"} {
		if strings.Contains(all, secret) {
			t.Errorf("error and hint = %q hold %q", all, secret)
		}
	}
}

func TestNotice(t *testing.T) {
	t.Parallel()
	broken := func() error { return errors.New("edit config.ini: permission denied") }
	for _, tt := range []struct {
		name            string
		shown, remember func() error
		want            string
	}{
		{"remembered elsewhere", broken, func() error { return nil }, "It is remembered all the same"},
		{"not at all", broken, broken, "Set it yourself"},
		{"nowhere to remember", broken, nil, "Set it yourself"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &script{t: t, blind: true}
			deps := s.deps()
			deps.WarnShown, deps.RememberWarn = tt.shown, tt.remember
			if err := Run(t.Context(), Config{Warn: true}, deps); err != nil {
				t.Errorf("Run = %v, want nil: a notice is no reason to fail", err)
			}
			if got := s.shown.String(); !strings.Contains(got, tt.want) || !strings.Contains(got, "permission denied") {
				t.Errorf("shown:\n%s\nwant in it %q", got, tt.want)
			}
		})
	}
}

// A page's URL comes from a server: it is shown whole, but moves no cursor.
func TestPageIsShownSafely(t *testing.T) {
	t.Parallel()
	long := "https://api.twitter.com/oauth/authorize?oauth_token=" + strings.Repeat("x", 300)
	if got := pageText(long); !strings.Contains(got, long) {
		t.Errorf("a long URL is cut: %q", got)
	}
	if got := pageText("https://x/\x1b[2J"); strings.Contains(got, "\x1b") {
		t.Errorf("shown %q", got)
	}
}

func FuzzClean(f *testing.F) {
	f.Add(" key\r\n")
	f.Add("\x1b[200~key\x1b[201~")
	f.Add("\xff")
	f.Fuzz(func(t *testing.T, text string) {
		word, _ := clean(text)
		if again, trimmed := clean(word); again != word && !strings.Contains(word, "\x1b") || trimmed && !strings.Contains(word, "\x1b") {
			t.Errorf("clean(%q) = %q, which is not clean", text, word)
		}
		if strings.ContainsAny(word, "\r\n ") && word != strings.TrimSpace(word) {
			t.Errorf("clean(%q) = %q", text, word)
		}
	})
}
