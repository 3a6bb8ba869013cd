package setup

import (
	"context"

	"github.com/storj/twitter-stream/pkg/twitterauth"
)

// application fetches the application's token, asking for another key while the
// one that there is gets refused. What the service has taken is saved.
func (d *dialogue) application(ctx context.Context) error {
	for left := tries - 1; ; left-- {
		if d.Consumer.Key == "" || d.Consumer.Secret == "" {
			if err := d.askConsumer(ctx); err != nil {
				return err
			}
		}
		token, err := d.Fetch(ctx, d.Consumer)
		switch {
		case err == nil:
			return d.keepBearer(token)
		case kindOf(err) != twitterauth.RefusedKey || left == 0 || ctx.Err() != nil || !d.Terminal.IsTerminal():
			return d.failed(ctx, err)
		}
		if err := d.another(err); err != nil {
			return err
		}
	}
}

// keepBearer keeps the key first: the token is worth nothing without it, and
// fetched again where only the key was kept.
func (d *dialogue) keepBearer(token string) error {
	if err := d.keepConsumer(); err != nil {
		return err
	}
	if err := d.SaveBearer(token); err != nil {
		return d.cannotKeep(err)
	}
	d.say("\nThe service has given this application a token. It is saved in " + d.TokenFile + ".\n\n")
	return nil
}
