package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/setup"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/twitterauth"
)

// stateWarned is there when the notice was shown and config.ini could not be
// told so.
const stateWarned = "warned"

func authCommand(frame *app.Frame) *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   "auth",
		Short: "Authorise this machine, once",
		Long: `auth asks for the application's key and secret if they are missing, and for the PIN
that Twitter shows, and saves both. For a stream of X's API v2 there is no PIN: the
application's own token is fetched with its key. It works while a daemon runs.`,
		Example: "  daemon auth -c config.ini\n  daemon auth --force",
		Args:    app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := frame.Load()
			if err != nil {
				return err
			}
			done, sentence := authorised(cfg)
			if done && !(force && needsPerson(cfg)) {
				_, err := io.WriteString(frame.Out, sentence+"\n")
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
			defer stop()
			return firstRun(ctx, frame, cfg, nil, force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "authorise again although there is a token")
	return cmd
}

// needsPerson reports whether there is an authorisation that can be done here.
func needsPerson(cfg *config.Config) bool {
	return cfg.StreamURL != "" && cfg.StreamAuth == "oauth1" || app.ReadsAsApp(cfg)
}

// authorised reports whether nothing is missing, and says so.
func authorised(cfg *config.Config) (done bool, sentence string) {
	const already = "already authorised; --force does it again"
	switch {
	case app.ReadsAsApp(cfg):
		return cfg.GivenBearer() != "" || cfg.Credentials.FetchedBearer != "", already
	case cfg.StreamAuth == "bearer":
		return true, "this stream is read with stream_token, which you get from the service and write into " + cfg.Path
	case cfg.StreamAuth != "oauth1":
		return true, "this stream needs no authorisation"
	}
	return len(cfg.Credentials.Missing()) == 0, already
}

// firstRun asks a person for what is missing. spool, where there is one,
// remembers what config.ini cannot.
func firstRun(ctx context.Context, frame *app.Frame, cfg *config.Config, spool *store.Store, force bool) error {
	command := app.AuthCommand(cfg.Path)
	if force {
		command += " --force"
	}
	return setup.Run(ctx, setup.Config{
		Warn:      cfg.Warn && needsPerson(cfg) && !warned(spool), // of keys, where there are some
		Sign:      cfg.StreamAuth == "oauth1" && cfg.StreamURL != "",
		Force:     force,
		Consumer:  twitterauth.Consumer{Key: cfg.Credentials.ConsumerKey, Secret: cfg.Credentials.ConsumerSecret},
		Token:     twitterauth.Token{Token: cfg.Credentials.OAuthToken, Secret: cfg.Credentials.OAuthTokenSecret},
		KeyFile:   cfg.APIFile,
		TokenFile: tokenFile(cfg),
		Command:   command,
		App:       app.ReadsAsApp(cfg),
		Bearer:    cfg.GivenBearer() != "" || cfg.Credentials.FetchedBearer != "",
		Prove:     spool == nil, // it was asked for
	}, setup.Deps{
		Terminal:        terminal(frame),
		WarnShown:       func() error { return config.SetWarnOff(cfg.Path) },
		RememberWarn:    remember(spool),
		CanSaveConsumer: cfg.CanSaveAPI,
		CanSaveToken:    cfg.CanSaveOAuth,
		SaveConsumer:    func(c twitterauth.Consumer) error { return cfg.SaveAPI(c.Key, c.Secret) },
		SaveToken:       func(t twitterauth.Token) error { return cfg.SaveOAuth(t.Token, t.Secret) },
		CanSaveBearer:   cfg.CanSaveBearer,
		SaveBearer:      cfg.SaveBearer,
		Fetch: func(ctx context.Context, consumer twitterauth.Consumer) (string, error) {
			return app.FetchToken(ctx, cfg, consumer)
		},
		Start: func(ctx context.Context, consumer twitterauth.Consumer) (setup.Flow, string, error) {
			return begin(ctx, cfg, consumer)
		},
	})
}

// tokenFile is where the authorisation is kept.
func tokenFile(cfg *config.Config) string {
	if app.ReadsAsApp(cfg) {
		return cfg.BearerFile()
	}
	return cfg.OAuthFile
}

// begin starts one PIN flow. A nil flow must not become a non-nil interface.
func begin(ctx context.Context, cfg *config.Config, consumer twitterauth.Consumer) (setup.Flow, string, error) {
	flow, page, err := twitterauth.Start(ctx, twitterauth.Config{
		Consumer:  consumer,
		UserAgent: app.UserAgent(),
		Endpoints: twitterauth.Endpoints{
			RequestToken: cfg.RequestTokenURL, Authorize: cfg.AuthorizeURL, AccessToken: cfg.AccessTokenURL,
		},
	})
	if err != nil {
		return nil, "", err
	}
	return flow, page, nil
}

// terminal is standard input and error: standard output may be a file that
// somebody keeps.
func terminal(frame *app.Frame) setup.Terminal {
	out, ok := frame.Err.(*os.File)
	if !ok {
		out = os.Stderr
	}
	return setup.NewConsole(frame.In, out)
}

func warned(spool *store.Store) bool {
	if spool == nil {
		return false
	}
	_, err := spool.ReadState(stateWarned)
	return err == nil
}

func remember(spool *store.Store) func() error {
	if spool == nil {
		return nil
	}
	return func() error { return spool.WriteState(stateWarned, []byte("the notice was shown\n"), true) }
}
