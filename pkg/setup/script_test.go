package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/storj/twitter-stream/pkg/twitterauth"
)

// What a scripted person does instead of answering.
const (
	ctrlC = "<ctrl-c>"
	ctrlD = "<ctrl-d>"
)

// script is a terminal with a scripted person, and a service and files that
// note what happened.
type script struct {
	t       *testing.T
	answers []string // in the order of the questions
	blind   bool     // no terminal
	cancel  context.CancelFunc

	shown    strings.Builder
	asked    []string // prompts, "*" before one without echo
	events   []string // what was saved and called
	starts   []error  // what the service says to each Start; nil beyond
	finishes []error  // and to each PIN
	pages    int
}

func (s *script) Print(text string) { s.shown.WriteString(text) }

func (s *script) IsTerminal() bool { return !s.blind }

func (s *script) ReadLine(ctx context.Context, prompt string) (string, error) {
	return s.answer(ctx, prompt)
}

func (s *script) ReadSecret(ctx context.Context, prompt string) (string, error) {
	return s.answer(ctx, "*"+prompt)
}

func (s *script) answer(ctx context.Context, prompt string) (string, error) {
	s.asked = append(s.asked, prompt)
	if len(s.answers) == 0 {
		s.t.Errorf("asked %q, which the script does not expect", prompt)
		return "", io.EOF
	}
	answer := s.answers[0]
	s.answers = s.answers[1:]
	switch answer {
	case ctrlC:
		s.cancel()
		return "", ctx.Err()
	case ctrlD:
		return "", io.EOF
	}
	return answer, nil
}

func (s *script) note(format string, args ...any) {
	s.events = append(s.events, fmt.Sprintf(format, args...))
}

func (s *script) start(_ context.Context, c twitterauth.Consumer) (Flow, string, error) {
	s.note("start %s/%s", c.Key, c.Secret)
	if len(s.starts) > 0 {
		err := s.starts[0]
		s.starts = s.starts[1:]
		if err != nil {
			return nil, "", err
		}
	}
	s.pages++
	return flow{s}, fmt.Sprintf("https://api.twitter.com/oauth/authorize?oauth_token=page%d", s.pages), nil
}

type flow struct{ s *script }

func (f flow) Finish(_ context.Context, pin string) (twitterauth.Token, error) {
	f.s.note("pin %s for page %d", pin, f.s.pages)
	if len(f.s.finishes) > 0 {
		err := f.s.finishes[0]
		f.s.finishes = f.s.finishes[1:]
		if err != nil {
			return twitterauth.Token{}, err
		}
	}
	return twitterauth.Token{Token: "tok", Secret: "toksecret"}, nil
}

// deps notes each callback.
func (s *script) deps() Deps {
	return Deps{
		Terminal:        s,
		WarnShown:       func() error { s.note("warn off"); return nil },
		RememberWarn:    func() error { s.note("remembered"); return nil },
		CanSaveConsumer: func() error { return nil },
		CanSaveToken:    func() error { return nil },
		SaveConsumer:    func(c twitterauth.Consumer) error { s.note("save key %s/%s", c.Key, c.Secret); return nil },
		SaveToken:       func(t twitterauth.Token) error { s.note("save token %s/%s", t.Token, t.Secret); return nil },
		Start:           s.start,
	}
}

// refusal is an error as twitterauth gives it.
func refusal(kind twitterauth.Kind, hint string) error {
	return &twitterauth.Error{Kind: kind, Op: "request token", URL: "https://api.twitter.com/oauth/request_token", Err: errors.New("401 Unauthorized"), Hint: hint}
}
