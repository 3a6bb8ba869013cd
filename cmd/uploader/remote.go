package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/audit"
	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/coverage"
)

// remote is what verify --remote was asked for.
type remote struct {
	sample, from, to string
	download         bool
}

// auditTries is how often an object is asked for that cannot be.
const auditTries = 5

// verifyRemote asks the storages.
func verifyRemote(ctx context.Context, frame *app.Frame, asked remote, asJSON bool) error {
	ctx, stop := frame.Lifetime(ctx)
	defer stop()
	question, from, to, err := asked.question(time.Now())
	if err != nil {
		return app.Usage(fmt.Errorf("verify: %w", err))
	}
	cfg, spool, err := openToRead(frame)
	if err != nil {
		return err
	}
	defer spool.Close()
	places := newReaders(cfg, spool)
	defer places.Close()
	show, end := auditBar(frame)
	report, err := audit.Run(ctx, audit.Config{
		Store: spool, Question: question, From: from, To: to,
		Open: places.at, Ref: refTo, Also: configuredPlaces(cfg),
		Parallel: 2 * cfg.UploadConcurrency, Tries: auditTries,
		Backoff:  backoff.Policy{First: cfg.UploadBackoff.First, Max: cfg.UploadBackoff.Max},
		Progress: show,
		Notice:   func(sentence string) { fmt.Fprintf(frame.Err, "uploader: warning: %s\n", sentence) },
	})
	end()
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted after %d receipts: the same command goes on there", report.Asked)
	}
	if err != nil {
		return err
	}
	return tell(frame, asJSON, report, report.Text, report.Right)
}

func (r remote) question(now time.Time) (q audit.Question, from, to time.Time, err error) {
	q = audit.Question{From: r.from, To: r.to, Percent: 100, Download: r.download}
	if r.sample != "" {
		q.Percent, err = strconv.ParseFloat(strings.TrimSuffix(r.sample, "%"), 64)
		if err != nil || !(q.Percent > 0 && q.Percent <= 100) {
			return q, from, to, fmt.Errorf("--sample %q is no percentage: give a number above 0 and up to 100", r.sample)
		}
	}
	if r.from != "" {
		if from, err = coverage.Moment(r.from, now); err != nil {
			return q, from, to, fmt.Errorf("--from %q is %w", r.from, err)
		}
	}
	if r.to != "" {
		if to, err = coverage.Moment(r.to, now); err != nil {
			return q, from, to, fmt.Errorf("--to %q is %w", r.to, err)
		}
	}
	if !from.IsZero() && !to.IsZero() && !to.After(from) {
		return q, from, to, errors.New("--to is not after --from")
	}
	return q, from, to, nil
}

// auditBar shows on a terminal how far an audit is.
func auditBar(frame *app.Frame) (show func(done, all int), end func()) {
	if !app.OnTerminal(frame.Err) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(frame.Err), progressbar.OptionSetWidth(30), progressbar.OptionShowCount(),
		progressbar.OptionSetDescription("asking"), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	return func(done, all int) {
			if bar.GetMax() != all {
				bar.ChangeMax(all)
			}
			_ = bar.Set(done) // drawing is not worth a failure
		}, func() {
			_ = bar.Finish()
		}
}

// configuredPlaces are those of the configuration, by kind and as receipts name
// them.
func configuredPlaces(cfg *config.Config) (places [][2]string) {
	for _, raw := range cfg.UploadURLs {
		places = append(places, [2]string{kindOf(raw), placeURL(cfg, raw)})
	}
	return places
}

// tell prints a report, and fails where it is not all right.
func tell(frame *app.Frame, asJSON bool, report any, text func(w io.Writer) error, right bool) error {
	var err error
	if asJSON {
		out := json.NewEncoder(frame.Out)
		out.SetIndent("", "  ")
		err = out.Encode(report)
	} else {
		err = text(frame.Out)
	}
	if err == nil && !right {
		err = app.ErrReported
	}
	return err
}
