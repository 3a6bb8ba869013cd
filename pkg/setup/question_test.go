package setup

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	short := func(answer string) error {
		if len(answer) > 5 {
			return errors.New("at most five letters")
		}
		return nil
	}
	questions := []Question{
		{Key: "server", About: "The server.", Prompt: "Server: ", Check: short},
		{Key: "token", About: "The token.", Prompt: "Token: ", Secret: true, Check: func(string) error { return nil }},
	}
	for _, tt := range []struct {
		name    string
		script  script
		answers map[string]string
		asked   []string
		err     string
	}{
		{"answered", script{answers: []string{"home", "secret"}}, map[string]string{"server": "home", "token": "secret"}, []string{"Server: ", "*Token: "}, ""},
		{"refused once", script{answers: []string{"much too long", "muchtoolong", "home", "secret"}}, map[string]string{"server": "home", "token": "secret"},
			[]string{"Server: ", "Server: ", "Server: ", "*Token: "}, ""},
		{"never right", script{answers: []string{"muchtoolong", "muchtoolong", "muchtoolong"}}, nil, []string{"Server: ", "Server: ", "Server: "}, "no answer"},
		{"left", script{answers: []string{"home", ctrlD}}, nil, []string{"Server: ", "*Token: "}, "input ended"},
		{"stopped", script{answers: []string{ctrlC}}, nil, []string{"Server: "}, "stopped"},
		{"nobody there", script{blind: true}, nil, nil, "server is missing and there is no terminal"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := &tt.script
		s.t, s.cancel = t, cancel
		answers, err := Ask(ctx, s, "daemon init mastodon", questions)
		if !maps.Equal(answers, tt.answers) || !slices.Equal(s.asked, tt.asked) {
			t.Errorf("%s: %v after %q, want %v after %q", tt.name, answers, s.asked, tt.answers, tt.asked)
		}
		var said *Error
		switch {
		case tt.err == "" && err != nil, tt.err != "" && !errors.As(err, &said):
			t.Errorf("%s: %v, want %q", tt.name, err, tt.err)
		case tt.err != "" && (!strings.Contains(err.Error(), tt.err) || said.ExitCode() != exitcode.Config || !strings.Contains(said.Hint, "daemon init mastodon")):
			t.Errorf("%s: %v (%s), want %q", tt.name, err, said.Hint, tt.err)
		}
	}
}
