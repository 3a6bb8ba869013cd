package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/grabber"
	"github.com/storj/twitter-stream/pkg/resume"
	"github.com/storj/twitter-stream/pkg/store"
	"github.com/storj/twitter-stream/pkg/stream"
)

// connect makes the source. memory is nil where it is of no use: without a
// store, or with a stream that cannot be asked for what was missed.
func connect(cfg *config.Config, g *grabber.Grabber, with access, memory *resume.Memory) (*stream.Source, error) {
	dictionary, err := readDictionary(cfg.StreamDictionary)
	if err != nil {
		return nil, err
	}
	agent := app.UserAgent()
	if cfg.StreamContact != "" {
		agent += " (" + cfg.StreamContact + ")"
	}
	settings := stream.Config{
		Kind: cfg.StreamKind, URL: cfg.StreamURL, Spare: cfg.StreamSpare,
		Method: cfg.StreamMethod, Parameters: cfg.StreamParameters,
		Client:    &http.Client{Transport: with.transport}, // its redirects are switched off there
		UserAgent: agent, Bearer: with.bearer, Dictionary: dictionary, DropCanaries: cfg.DropCanaries,
		StallTimeout: cfg.StallTimeout, MaxMessage: cfg.MaxMessage,
		Notice: g.Notice, Busy: g.Reading,
	}
	if memory != nil {
		settings.Prepare, settings.Missed, settings.Unfilled, settings.Fresh = memory.Prepare, memory.Missed, memory.Unfilled, memory.Fresh
	}
	return stream.New(settings)
}

// remember takes over what the process before this one knew of the stream, nil
// where that is of no use. skipped is told of what the server does not have any
// more.
func remember(cfg *config.Config, spool *store.Store, log *logrus.Entry, skipped func(from, to time.Time) bool) (*resume.Memory, error) {
	if !cfg.StreamKind.Resumes(cfg.StreamURL) {
		return nil, nil
	}
	memory := resume.New(cfg.StreamKind, cfg.StreamURL, time.Now, func(from, to time.Time) {
		if !skipped(from, to) {
			return
		}
		fields := logrus.Fields{"to": to.UTC().Format(time.RFC3339)}
		if !from.IsZero() {
			fields["from"] = from.UTC().Format(time.RFC3339)
		}
		log.WithFields(fields).Warn("the server does not have what came in between any more: there is a gap")
	})
	load := func(saved []byte) {
		switch err := memory.Load(saved); {
		case errors.Is(err, resume.ErrOther):
			log.WithError(err).Info("capture begins with what comes now")
		case err != nil:
			log.WithError(err).Warn("capture begins with what comes now")
		}
	}
	return memory, spool.Resume(load, memory.Recall)
}

// kept is memory for the store: a nil one must not become an interface.
func kept(memory *resume.Memory) store.Memory {
	if memory == nil {
		return nil
	}
	return memory
}

// maxDictionary is far more than any dictionary has.
const maxDictionary = 4 << 20

// readDictionary returns nil for no path.
func readDictionary(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &app.ConfigError{Err: fmt.Errorf("the dictionary cannot be read: %w", err), Advice: "check stream_dictionary"}
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxDictionary))
	if err == nil && len(data) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, &app.ConfigError{Err: fmt.Errorf("the dictionary %s cannot be read: %w", path, err), Advice: "check stream_dictionary"}
	}
	return data, nil
}

// identity is a short hash of what a service recognises us by: a back-off that
// it imposed is for this request and these credentials only.
func identity(cfg *config.Config) string {
	c := cfg.Credentials
	parts := append([]string{cfg.StreamURL}, cfg.StreamSpare...)
	sum := sha256.Sum256([]byte(strings.Join(append(parts,
		cfg.StreamMethod, cfg.StreamParameters.Encode(),
		c.ConsumerKey, c.ConsumerSecret, c.OAuthToken, c.OAuthTokenSecret, c.BearerToken, cfg.StreamToken,
	), "\x00")))
	return hex.EncodeToString(sum[:6])
}
