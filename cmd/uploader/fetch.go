package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/backoff"
	"github.com/storj/twitter-stream/pkg/bagit"
	"github.com/storj/twitter-stream/pkg/catalog"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/retrieve"
	"github.com/storj/twitter-stream/pkg/store"
)

// fetching is what a person says of a fetch.
type fetching struct {
	selection
	into     string
	bag      string
	stdout   bool
	dedupe   bool
	window   int
	parallel int
	moved    []string
}

func fetchCommand(frame *app.Frame) *cobra.Command {
	var f fetching
	cmd := &cobra.Command{
		Use:   "fetch (--into DIR | --stdout | --bag DIR)",
		Short: "Get back what was captured, checked byte for byte",
		Long: `fetch gets the files that list lists, in the order of capture, from whichever place
has them: several upload_urls stand in for each other, and what still waits is taken
from the store. Files are deciphered and inflated here, and each is checked against
its receipt and the captured book before it gets its name (.jsonl: a message a line)
or a byte of it is printed.

Run it again to go on: what is in DIR already is checked and not fetched again. A
file with other content stays as it is and is said. What cannot be got is named,
everything else is fetched, and the exit status is 1.

--dedupe leaves out messages that were written already, known by what their network
calls them: so what two machines recorded of one stream becomes one. Name the other
machine's books by --ledger. Messages of a stream without such names are known by
their bytes. It knows --dedupe-window messages; of what comes again later than that
there is a second copy. With --into and --bag, files are named as they are without it, and
one of which nothing is left is not made; to go on, all is fetched again.

Books say where each file was put. If that place has another URL now, such as a disk
that is mounted at another path, name the old one by --moved, and the new one in
upload_url.

--bag makes a bag (RFC 8493) of it, as libraries and archives take it in: the files in
data/, their SHA-256 manifest, bag-info.txt with stream, period, counts and coverage,
and coverage.json with each gap. It is a bag when it is whole, and not before.

` + timeHelp,
		Example: `  uploader fetch --into archive
  uploader fetch --from 7d --stdout | jq -r .text
  uploader fetch --from 2026-11-01 --to 2026-12-01 --bag november
  uploader fetch --dedupe --ledger /mnt/b/store/ledger --into both`,
		Args: app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), frame) },
	}
	f.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.into, "into", "", "write the files into this `directory`, which is made if it is not there")
	flags.StringVar(&f.bag, "bag", "", "make a bag of this `directory`, to be kept or cited")
	flags.BoolVar(&f.stdout, "stdout", false, "print all messages")
	flags.BoolVar(&f.dedupe, "dedupe", false, "leave out messages that were written already")
	flags.IntVar(&f.window, "dedupe-window", retrieve.DefaultWindow, "how many `messages` --dedupe knows")
	flags.StringArrayVar(&f.moved, "moved", nil, "what was at this `URL` or path is where upload_url says now; may be repeated")
	flags.IntVar(&f.parallel, "parallel", 8, "`files` in flight")
	return cmd
}

func (f *fetching) check() error {
	ways := 0
	for _, way := range []bool{f.into != "", f.bag != "", f.stdout} {
		if way {
			ways++
		}
	}
	switch {
	case ways != 1:
		return app.Usage(errors.New("fetch: say where to, by one of --into DIR, --stdout and --bag DIR"))
	case f.window < 1 || f.parallel < 1:
		return app.Usage(errors.New("fetch: --dedupe-window and --parallel are at least 1"))
	}
	return nil
}

func (f *fetching) run(ctx context.Context, frame *app.Frame) error {
	if err := f.check(); err != nil {
		return err
	}
	ctx, stop := frame.Lifetime(ctx)
	defer stop()
	cfg, err := frame.Load()
	if err != nil {
		return err
	}
	if f.dedupe && cfg.StreamURL == "" {
		return &app.ConfigError{Err: errors.New("stream_url is none: --dedupe cannot know how the network names its messages"), Advice: "set stream_url in " + cfg.Path}
	}
	moved, err := movesOf(cfg, f.moved)
	if err != nil {
		return err
	}
	all, err := f.gather(frame, cfg)
	if err != nil {
		return err
	}
	defer all.Close()
	half := all.half(frame)
	if all.empty(frame) || half && f.bag != "" { // a bag says of itself that it is whole
		return app.ErrReported
	}
	target, closeTarget, err := f.target(frame)
	if err != nil {
		return err
	}
	defer closeTarget()
	var bag *bagger
	if f.bag != "" {
		if bag, err = beginBag(f.bag); err != nil {
			return err
		}
		defer bag.Close()
	}
	places := newReaders(cfg, all.spool)
	defer places.Close()
	show := newFetchDisplay(frame, all.list)
	how := f.how(cfg, all, places, moved)
	how.Problem, how.Step = show.problem, show.step
	if bag != nil {
		how.Done = bag.add
	}
	sum, err := retrieve.Run(ctx, all.list, target, how)
	show.end()
	if err == nil && bag != nil {
		err = bag.finish(cfg, all, f.dedupe, sum)
	}
	if err := f.report(frame, sum, err); err != nil || !half {
		return err
	}
	return app.ErrReported
}

// target opens what files go to.
func (f *fetching) target(frame *app.Frame) (retrieve.Target, func(), error) {
	if f.stdout {
		stream, err := retrieve.OpenStream(frame.Out)
		if err != nil {
			return nil, nil, err
		}
		return stream, stream.Close, nil
	}
	path := f.into
	if f.bag != "" {
		path = bagit.Data(f.bag)
		if err := bagit.Fit(f.bag, coverageFile); err != nil {
			return nil, nil, err
		}
	}
	dir, err := retrieve.OpenDirectory(path)
	if err != nil {
		return nil, nil, fmt.Errorf("fetch into %s: %w", path, err)
	}
	return dir, dir.Close, nil
}

// how wires the places.
func (f *fetching) how(cfg *config.Config, all *archive, places *readers, moved moves) retrieve.Config {
	how := retrieve.Config{
		Open: func(ctx context.Context, r store.Receipt) (io.ReadCloser, error) {
			r = moved.of(r)
			reader, err := places.of(r)
			if err != nil {
				return nil, err
			}
			return reader.Open(ctx, refTo(r))
		},
		Local:    all.local,
		Again:    all.again,
		Parallel: f.parallel, Tries: min(cfg.UploadRetries, 3),
		Backoff: backoff.Policy{First: cfg.UploadBackoff.First, Max: cfg.UploadBackoff.Max},
	}
	if f.dedupe {
		how.Dedupe = &retrieve.Dedupe{Kind: cfg.StreamKind, Window: f.window}
	}
	return how
}

// report says what became of all.
func (f *fetching) report(frame *app.Frame, sum retrieve.Sum, err error) error {
	out := frame.Out
	if f.stdout {
		out = frame.Err
	}
	var said []string
	add := func(n int, text string) {
		if n > 0 {
			said = append(said, fmt.Sprintf("%d %s", n, text))
		}
	}
	add(sum.There, "of them were there")
	add(int(sum.LeftOut), "messages were there already and were left out")
	add(sum.Empty, "had nothing that was not there already, and were not made")
	add(sum.Failed, "could not be fetched")
	add(sum.Altered, "are not what was captured")
	add(sum.Unreadable, "lines of the books cannot be read (daemon check says which), and what they tell of may be missing")
	fmt.Fprintf(out, "%s, %s, %s", count(int64(sum.Files), "file"), count(int64(sum.Messages), "message"), count(sum.Bytes, "byte"))
	switch {
	case f.into != "":
		fmt.Fprintf(out, " in %s", redact.Text(f.into))
	case f.bag != "" && err == nil:
		fmt.Fprintf(out, " in the bag %s", redact.Text(f.bag))
	case f.bag != "":
		fmt.Fprintf(out, " in %s, which is not a whole bag yet", redact.Text(f.bag))
	}
	fmt.Fprintln(out, strings.Join(append([]string{""}, said...), "; "))
	switch {
	case errors.Is(err, retrieve.ErrIncomplete):
		return app.ErrReported
	case errors.Is(err, context.Canceled):
		return errors.New("fetch: interrupted; run it again to go on")
	case err != nil:
		return fmt.Errorf("fetch: %w", err)
	}
	return nil
}

// count prints a number with its noun.
func count(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// fetchDisplay is what a person sees of a fetch under way.
type fetchDisplay struct {
	frame *app.Frame
	bar   *progressbar.ProgressBar // nil without a terminal
	bytes int64
}

func newFetchDisplay(frame *app.Frame, list *catalog.Catalog) *fetchDisplay {
	d := &fetchDisplay{frame: frame}
	if app.OnTerminal(frame.Err) {
		d.bar = progressbar.NewOptions(list.Most(),
			progressbar.OptionSetWriter(frame.Err), progressbar.OptionSetWidth(30), progressbar.OptionSetItsString("files"),
			progressbar.OptionShowIts(), progressbar.OptionShowCount(),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	}
	return d
}

func (d *fetchDisplay) step(n int64) {
	d.bytes += n
	if d.bar != nil {
		d.bar.Describe(fmt.Sprintf("%d MiB", d.bytes>>20))
		_ = d.bar.Add(1) // drawing is not worth a failure
	}
}

func (d *fetchDisplay) problem(f catalog.File, reason error) {
	if d.bar != nil {
		_ = d.bar.Clear()
	}
	for line := range strings.SplitSeq(reason.Error(), "\n") {
		fmt.Fprintf(d.frame.Err, "uploader: error: %s: %s\n", redact.Text(f.Name), line)
	}
}

func (d *fetchDisplay) end() {
	if d.bar != nil {
		_ = d.bar.Finish()
	}
}
