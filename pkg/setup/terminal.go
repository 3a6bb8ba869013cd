package setup

import (
	"context"
	"errors"
	"io"
	"os"

	"golang.org/x/term"
)

// maxLine bounds an answer, in bytes.
const maxLine = 4096

var errLongLine = errors.New("read answer: it is longer than 4096 bytes")

// Console is the Terminal on a pair of files, standard input and error as a
// rule. Both stay the caller's.
type Console struct{ in, out *os.File }

// NewConsole returns the terminal on in and out.
func NewConsole(in, out *os.File) *Console { return &Console{in: in, out: out} }

// IsTerminal reports whether somebody can read questions and type answers.
func (c *Console) IsTerminal() bool {
	return term.IsTerminal(int(c.in.Fd())) && term.IsTerminal(int(c.out.Fd()))
}

// Print writes text. A terminal that is gone shows itself at the next read.
func (c *Console) Print(text string) { _, _ = io.WriteString(c.out, text) }

// ReadLine implements Terminal. A last line without its end counts.
func (c *Console) ReadLine(ctx context.Context, prompt string) (string, error) {
	c.Print(prompt)
	return wait(ctx, c.line)
}

// ReadSecret implements Terminal. The terminal's state is put back also when
// ctx ends in the midst of it.
func (c *Console) ReadSecret(ctx context.Context, prompt string) (string, error) {
	fd := int(c.in.Fd())
	state, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	c.Print(prompt)
	secret, err := wait(ctx, func() (string, error) {
		b, err := term.ReadPassword(fd)
		return string(b), err
	})
	c.Print("\n") // the person's own was not shown
	return secret, errors.Join(err, term.Restore(fd, state))
}

// wait returns what read does, or ctx's error when that ends first. A read
// from a terminal cannot be called off: it is left behind then, as is right
// for a process that is about to end.
func wait(ctx context.Context, read func() (string, error)) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case a := <-answers:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// line reads byte by byte, so that what was pasted behind the line's end is
// left for the next question.
func (c *Console) line() (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := c.in.Read(b)
		switch {
		case n == 1 && b[0] == '\n':
			return string(line), nil
		case n == 1 && len(line) == maxLine:
			return "", errLongLine
		case n == 1:
			line = append(line, b[0])
		case err == io.EOF && len(line) > 0:
			return string(line), nil
		case err != nil:
			return "", err
		}
	}
}
