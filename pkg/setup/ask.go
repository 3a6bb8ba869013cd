package setup

import (
	"context"
	"strings"
	"unicode"
)

// ask reads one answer that is a single word. What a paste has brought along
// at the ends is taken off and said; an empty answer or one with something odd
// in the middle is asked for again.
func (d *dialogue) ask(ctx context.Context, prompt string, read func(context.Context, string) (string, error)) (string, error) {
	for range tries {
		text, err := read(ctx, prompt)
		if err != nil {
			return "", d.stopped(err)
		}
		word, trimmed := clean(text)
		switch {
		case word == "":
			d.say("That was empty.\n")
		case strings.ContainsFunc(word, odd):
			d.say("That has a blank or an invisible character in the middle; copy it again.\n")
		default:
			if trimmed {
				d.say("(blanks around it were taken off)\n")
			}
			return word, nil
		}
	}
	return "", d.noAnswer()
}

// pasteMarks are what a terminal puts around a paste when a program before us
// has asked for it (bracketed paste).
var pasteMarks = strings.NewReplacer("\x1b[200~", "", "\x1b[201~", "")

// clean takes off what surrounds a pasted word; the end of the line that was
// typed does not count as trimmed.
func clean(text string) (word string, trimmed bool) {
	line := strings.TrimRight(text, "\r\n")
	word = strings.TrimFunc(pasteMarks.Replace(line), odd)
	return word, word != line
}

// odd is no part of a key, a secret or a PIN: blanks, also invisible ones that
// pages put into what is copied, and control characters.
func odd(r rune) bool {
	return unicode.IsSpace(r) || !unicode.IsPrint(r)
}
