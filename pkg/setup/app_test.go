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

// A stream that is read with the application's own token wants its key, and
// no PIN.
func TestApplication(t *testing.T) {
	t.Parallel()
	overridden := func() error { return errors.New("BEARER_TOKEN: remove it") }
	for _, tt := range []struct {
		name    string
		in      Config
		script  script
		fetches []error
		change  func(*Deps)
		asked   []string
		events  []string
		code    int
		err     string
	}{
		{name: "a token is there", in: Config{Bearer: true}},
		{name: "a key is there: whoever needs the token fetches it", in: Config{Consumer: key}, script: script{blind: true}},
		{name: "a key is there, to be proved", in: Config{Consumer: key, Prove: true}, script: script{blind: true},
			events: []string{"fetch key/secret", "save bearer"}},
		{name: "a token is there, and nothing to be proved", in: Config{Bearer: true, Prove: true}},
		{name: "nothing is there", script: script{answers: []string{"k", "s"}},
			asked: []string{"App key: ", "*App secret (it is not shown): "}, events: []string{"fetch k/s", "save key k/s", "save bearer"}},
		{name: "by force", in: Config{Consumer: key, Bearer: true, Force: true}, script: script{blind: true},
			events: []string{"fetch key/secret", "save bearer"}},
		{name: "nobody there", script: script{blind: true}, code: exitcode.Config, err: "there is no terminal to ask at"},
		{name: "a key that is refused", in: Config{Consumer: key, Force: true}, fetches: []error{refusedKey}, script: script{answers: []string{"k", "s"}},
			asked: []string{"App key: ", "*App secret (it is not shown): "}, events: []string{"fetch key/secret", "fetch k/s", "save key k/s", "save bearer"}},
		{name: "refused, and nobody there", in: Config{Consumer: key, Force: true}, fetches: []error{refusedKey}, script: script{blind: true},
			events: []string{"fetch key/secret"}, code: exitcode.Credentials, err: "check the key"},
		{name: "refused three times", fetches: []error{refusedKey, refusedKey, refusedKey}, script: script{answers: []string{"a", "b", "c", "d", "e", "f"}},
			asked:  []string{"App key: ", "*App secret (it is not shown): ", "App key: ", "*App secret (it is not shown): ", "App key: ", "*App secret (it is not shown): "},
			events: []string{"fetch a/b", "fetch c/d", "fetch e/f"}, code: exitcode.Credentials, err: "nothing was saved"},
		{name: "no network", fetches: []error{noNetwork}, script: script{answers: []string{"k", "s"}},
			asked: []string{"App key: ", "*App secret (it is not shown): "}, events: []string{"fetch k/s"}, code: exitcode.Failed, err: "check the network"},
		{name: "a token would be overridden", in: Config{Force: true, Consumer: key}, change: func(d *Deps) { d.CanSaveBearer = overridden }, code: exitcode.Config, err: "remove it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := tt.script
			s.t = t
			deps := s.deps()
			deps.CanSaveBearer = func() error { return nil }
			deps.SaveBearer = func(token string) error { s.note("save bearer"); return nil }
			deps.Fetch = func(_ context.Context, c twitterauth.Consumer) (string, error) {
				s.note("fetch %s/%s", c.Key, c.Secret)
				if len(tt.fetches) == 0 {
					return "token", nil
				}
				err := tt.fetches[0]
				tt.fetches = tt.fetches[1:]
				return "token", err
			}
			if tt.change != nil {
				tt.change(&deps)
			}
			tt.in.App, tt.in.Command, tt.in.KeyFile, tt.in.TokenFile = true, command, "api.ini", "api.ini.bearer"
			err := Run(t.Context(), tt.in, deps)
			if !slices.Equal(s.asked, tt.asked) || !slices.Equal(s.events, tt.events) {
				t.Errorf("asked %q, %q; want %q, %q", s.asked, s.events, tt.asked, tt.events)
			}
			text := ""
			var failed *Error
			if errors.As(err, &failed) {
				text = failed.Error() + "; " + failed.Hint
			}
			if exitcode.Of(err) != tt.code || !strings.Contains(text, tt.err) {
				t.Errorf("got %v (%s), exit %d; want %q, exit %d", err, text, exitcode.Of(err), tt.err, tt.code)
			}
			if strings.Contains(s.shown.String(), "token\n") || strings.Contains(s.shown.String(), "PIN") {
				t.Errorf("shown: %s", s.shown.String())
			}
		})
	}
}
