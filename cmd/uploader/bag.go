package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/bagit"
	"github.com/storj/twitter-stream/pkg/catalog"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/coverage"
	"github.com/storj/twitter-stream/pkg/overview"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/retrieve"
)

// coverageFile is the tag file that tells how complete a bag's capture was.
const coverageFile = "coverage.json"

// maxGaps is how many gaps bag-info.txt names; coverage.json has all.
const maxGaps = 100

// bagger makes a bag of what is fetched.
type bagger struct {
	bag         *bagit.Bag
	first, last time.Time // of the messages in it, as far as the books tell
}

func beginBag(path string) (*bagger, error) {
	bag, err := bagit.Begin(path, coverageFile)
	if err != nil {
		return nil, err
	}
	return &bagger{bag: bag}, nil
}

func (b *bagger) Close() { b.bag.Close() }

// add enters a file that lies in data/.
func (b *bagger) add(o retrieve.Output) {
	first, last := o.File.At, o.File.At
	if c := o.File.Captured; c != nil {
		first, last = c.First, c.Last
	}
	if b.first.IsZero() || first.Before(b.first) {
		b.first = first
	}
	if last.After(b.last) {
		b.last = last
	}
	if o.Name != "" {
		b.bag.Add(o.Name, o.Size, o.SHA256)
	}
}

// finish says what is in the bag, and makes it one.
func (b *bagger) finish(cfg *config.Config, all *archive, deduped bool, sum retrieve.Sum) error {
	if b.last.IsZero() {
		return errors.New("nothing was captured then: there is nothing to make a bag of")
	}
	now := time.Now().UTC()
	fields := []bagit.Field{
		{Label: "External-Description", Value: fmt.Sprintf("%d messages of %s, captured from %s to %s", sum.Messages, stream(cfg), b.first.UTC().Format(time.RFC3339), b.last.UTC().Format(time.RFC3339))},
		{Label: "Bagging-Date", Value: now.Format(time.DateOnly)},
		{Label: "Bag-Software-Agent", Value: "twitter-stream " + app.Version() + " <https://github.com/storj/twitter-stream>"},
		{Label: "Stream", Value: stream(cfg)},
		{Label: "Stream-Kind", Value: string(cfg.StreamKind)},
		{Label: "First-Message", Value: b.first.UTC().Format(time.RFC3339)},
		{Label: "Last-Message", Value: b.last.UTC().Format(time.RFC3339)},
		{Label: "Message-Count", Value: fmt.Sprint(sum.Messages)},
		{Label: "Byte-Count", Value: fmt.Sprint(sum.Bytes)},
	}
	if deduped {
		fields = append(fields, bagit.Field{Label: "Messages-Left-Out", Value: fmt.Sprintf("%d that were recorded twice", sum.LeftOut)})
	}
	reports, err := b.coverage(all, now)
	if err != nil {
		return err
	}
	for _, r := range reports {
		fields = append(fields, covered(r)...)
	}
	text, err := json.MarshalIndent(reports, "", "  ")
	if err != nil {
		return err
	}
	if err := b.bag.Tag(coverageFile, append(text, '\n')); err != nil {
		return err
	}
	return b.bag.Finish(fields)
}

// stream is the captured one's address, without what may be secret.
func stream(cfg *config.Config) string {
	if cfg.StreamURL == "" {
		return "a stream that is not configured any more"
	}
	return redact.URL(cfg.StreamURL)
}

// coverage is that of each machine, over the range that was asked for, or over
// what there is.
func (b *bagger) coverage(all *archive, now time.Time) (reports []coverage.Report, err error) {
	from, to := all.in.From, all.in.To
	if from.IsZero() {
		from = b.first
	}
	if to.IsZero() {
		to = b.last
	}
	if to.After(now) { // what is still to come is no gap
		to = now
	}
	reports = []coverage.Report{}
	for _, source := range all.sources {
		r, ok, err := coverageOf(all, source, from, to, now)
		if err != nil {
			return nil, err
		}
		if ok {
			reports = append(reports, r)
		}
	}
	return reports, nil
}

func coverageOf(all *archive, source catalog.Source, from, to, now time.Time) (r coverage.Report, ok bool, err error) {
	if source.Store != nil { // what its grabber has not entered yet counts as well
		return overview.ReportCoverage(all.spool, from, to, now)
	}
	var builder coverage.Builder
	older, err := source.Books.CapturedLines(from, func(line []byte) { builder.Add(line) })
	if err != nil {
		return r, false, err
	}
	r, ok = builder.Report(coverage.Range{From: from, To: to, Older: older})
	return r, ok, nil
}

// covered are the lines of bag-info.txt about one machine.
func covered(r coverage.Report) []bagit.Field {
	fields := []bagit.Field{
		{Label: "Coverage-Period", Value: r.From.Format(time.RFC3339) + " to " + r.To.Format(time.RFC3339)},
		{Label: "Coverage-Percent", Value: fmt.Sprintf("%.2f", r.CoveredPercent)},
		{Label: "Coverage-Gaps", Value: fmt.Sprint(len(r.Gaps))},
	}
	for _, gap := range r.Gaps[:min(len(r.Gaps), maxGaps)] {
		filled := ""
		if gap.Filled {
			filled = ", filled afterwards"
		}
		fields = append(fields, bagit.Field{Label: "Coverage-Gap", Value: fmt.Sprintf("%s to %s, %.3f s: %s%s",
			gap.From.Format(time.RFC3339Nano), gap.To.Format(time.RFC3339Nano), gap.Seconds, gap.Reason, filled)})
	}
	return fields
}
