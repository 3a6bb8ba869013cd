package setup

import (
	"context"
	"fmt"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

// Question is something that only the person can answer.
type Question struct {
	Key    string // what the answer is for
	About  string // what is shown before, one sentence or more
	Prompt string
	Secret bool // typed without echo
	// Check returns what is wrong with an answer, in words for the person.
	Check func(answer string) error
}

// Ask asks one question after the other and returns the answers by key. An
// answer that Check refuses is asked for again, three times at most. command
// is what to type to try again. The error is *Error.
func Ask(ctx context.Context, terminal Terminal, command string, questions []Question) (map[string]string, error) {
	answers := map[string]string{}
	if len(questions) > 0 && !terminal.IsTerminal() {
		return nil, &Error{
			Err:  fmt.Errorf("set up: %s is missing and there is no terminal to ask at", questions[0].Key),
			Hint: "run on a terminal: " + command + " (keys that are no secret may be given by --set KEY=VALUE)",
			Code: exitcode.Config,
		}
	}
	d := &dialogue{Config: Config{Command: command}, Deps: Deps{Terminal: terminal}, say: terminal.Print}
	for _, q := range questions {
		answer, err := d.answer(ctx, q)
		if err != nil {
			return nil, err
		}
		answers[q.Key] = answer
	}
	return answers, nil
}

func (d *dialogue) answer(ctx context.Context, q Question) (string, error) {
	d.say(q.About + "\n\n")
	read := d.Terminal.ReadLine
	if q.Secret {
		read = d.Terminal.ReadSecret
	}
	for range tries {
		answer, err := d.ask(ctx, q.Prompt, read)
		if err != nil {
			return "", err
		}
		if err = q.Check(answer); err == nil {
			d.say("\n")
			return answer, nil
		}
		d.say("That cannot be: " + err.Error() + ".\n")
	}
	return "", d.noAnswer()
}
