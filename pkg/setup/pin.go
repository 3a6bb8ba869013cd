package setup

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/storj/twitter-stream/pkg/twitterauth"
)

// authorise walks the person through the PIN, each try on a page of its own,
// since a PIN that was refused has used its page up.
func (d *dialogue) authorise(ctx context.Context) error {
	for left := tries - 1; ; left-- {
		flow, page, err := d.begin(ctx)
		if err != nil {
			return err
		}
		d.say(pageText(page))
		pin, err := d.ask(ctx, "PIN: ", d.readPIN)
		if err != nil {
			return err
		}
		token, err := flow.Finish(ctx, pin)
		switch {
		case err == nil:
			return d.keepToken(token)
		case kindOf(err) != twitterauth.WrongPIN || ctx.Err() != nil:
			return d.failed(ctx, err)
		case left == 0:
			return d.outOfPINs(err)
		}
		d.say(fmt.Sprintf("\nTwitter did not accept that PIN. Each PIN works once, and only for the page that showed it.\nHere is a new page (%s left).\n", count(left)))
	}
}

// readPIN takes the blanks out, since pages show PINs in groups.
func (d *dialogue) readPIN(ctx context.Context, prompt string) (string, error) {
	text, err := d.Terminal.ReadLine(ctx, prompt)
	return strings.Join(strings.Fields(text), ""), err
}

// begin starts an authorisation, and asks for another key while the one that
// there is gets refused. What the service has taken is saved.
func (d *dialogue) begin(ctx context.Context) (Flow, string, error) {
	for left := tries - 1; ; left-- {
		if d.Consumer.Key == "" || d.Consumer.Secret == "" {
			if err := d.askConsumer(ctx); err != nil {
				return nil, "", err
			}
		}
		flow, page, err := d.Start(ctx, d.Consumer)
		switch {
		case err == nil:
			return flow, page, d.keepConsumer()
		case kindOf(err) != twitterauth.RefusedKey || left == 0 || ctx.Err() != nil:
			return nil, "", d.failed(ctx, err)
		}
		if err := d.another(err); err != nil {
			return nil, "", err
		}
	}
}

// another makes room for a key in the place of one that was refused.
func (d *dialogue) another(refused error) error {
	if !d.asked {
		if err := d.CanSaveConsumer(); err != nil {
			return d.refusedForGood(refused, err)
		}
	}
	d.say("\n" + refusedText(refused, d.asked, d.KeyFile))
	d.Consumer = twitterauth.Consumer{}
	return nil
}

// askConsumer asks for both parts.
func (d *dialogue) askConsumer(ctx context.Context) error {
	d.say(keyText)
	key, err := d.ask(ctx, "App key: ", d.Terminal.ReadLine)
	if err != nil {
		return err
	}
	secret, err := d.ask(ctx, "App secret (it is not shown): ", d.Terminal.ReadSecret)
	if err != nil {
		return err
	}
	d.Consumer, d.asked, d.saved = twitterauth.Consumer{Key: key, Secret: secret}, true, false
	return nil
}

func (d *dialogue) keepConsumer() error {
	if !d.asked || d.saved {
		return nil
	}
	if err := d.SaveConsumer(d.Consumer); err != nil {
		return d.cannotKeep(err)
	}
	d.saved = true
	d.say("\nTwitter knows this key. It is saved in " + d.KeyFile + ".\n")
	return nil
}

func (d *dialogue) keepToken(token twitterauth.Token) error {
	if err := d.SaveToken(token); err != nil {
		return d.cannotKeep(err)
	}
	d.say("\nAuthorised. The access is saved in " + d.TokenFile + ", you will not be asked again.\n\n")
	return nil
}

// kindOf returns Unexpected for an error that is none of twitterauth's.
func kindOf(err error) twitterauth.Kind {
	var auth *twitterauth.Error
	if errors.As(err, &auth) {
		return auth.Kind
	}
	return twitterauth.Unexpected
}
