package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/catalog"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/store"
)

func listCommand(frame *app.Frame) *cobra.Command {
	var which selection
	asJSON := false
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what was captured, and where it is",
		Long: `list reads the books in the store and prints a line for each file, in the order of
capture: when it was begun, its bytes as they were put, its messages, its name, and
each place that has it. What still waits in the store is listed as such, and so is
what was captured and is nowhere. Nothing is asked over the network: uploader verify
--remote does that.

` + timeHelp,
		Example: `  uploader list
  uploader list --from 7d
  uploader list --from 2026-11-01 --to 2026-12-01 --json | jq -r '.places[].url'
  uploader list --ledger /mnt/other-machine/store/ledger`,
		Args: app.Args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error { return list(frame, &which, asJSON) },
	}
	which.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print an object a line, with stable field names")
	return cmd
}

func list(frame *app.Frame, which *selection, asJSON bool) error {
	cfg, err := frame.Load()
	if err != nil {
		return err
	}
	all, err := which.gather(frame, cfg)
	if err != nil {
		return err
	}
	defer all.Close()
	half := all.half(frame)
	all.empty(frame)
	out := bufio.NewWriterSize(frame.Out, 64<<10)
	show := textLine
	if asJSON {
		show = jsonLine
	}
	err = all.list.Each(func(f catalog.File) error {
		if f.Nowhere() { // it may have been shipped since the books were read
			if places, err := all.again(f); err == nil {
				f.Places = places
			}
		}
		return show(out, f)
	})
	if ferr := out.Flush(); err == nil {
		err = ferr
	}
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	if n := all.list.Damaged(); n > 0 {
		fmt.Fprintf(frame.Err, "%d lines of the books cannot be read, and what they tell of may be missing: daemon check says which\n", n)
		half = true
	}
	if half {
		return app.ErrReported
	}
	return nil
}

// listed is a line of --json. The names are stable. It has no keys.
type listed struct {
	Name           string        `json:"name"`
	Captured       time.Time     `json:"captured"` // when it was begun
	Size           int64         `json:"size"`
	SHA256         string        `json:"sha256,omitempty"`
	InflatedSize   int64         `json:"inflated_size,omitempty"`
	InflatedSHA256 string        `json:"inflated_sha256,omitempty"`
	Messages       *uint64       `json:"messages,omitempty"`
	First          time.Time     `json:"first,omitzero"`
	Last           time.Time     `json:"last,omitzero"`
	Pushed         bool          `json:"pushed,omitempty"`
	Waits          bool          `json:"waits,omitempty"`
	Rejected       bool          `json:"rejected,omitempty"`
	Places         []listedPlace `json:"places"`
}

type listedPlace struct {
	Sink     string    `json:"sink"`
	URL      string    `json:"url"`
	Object   string    `json:"object,omitempty"`
	FileHash string    `json:"filehash"`
	Uploaded time.Time `json:"uploaded"`
}

func jsonLine(w io.Writer, f catalog.File) error {
	l := listed{Name: f.Name, Captured: f.At, Pushed: f.Pushed, Waits: f.Waits, Rejected: f.Rejected, Places: []listedPlace{}}
	if put, ok := f.Put(); ok {
		l.Size, l.SHA256 = put.Size, put.SHA256
	}
	if inside, ok := f.Inflated(); ok {
		l.InflatedSize, l.InflatedSHA256 = inside.Size, inside.SHA256
	}
	if c := f.Captured; c != nil {
		l.Messages, l.First, l.Last = &c.Messages, c.First, c.Last
	}
	for _, p := range f.Places {
		l.Places = append(l.Places, listedPlace{p.Sink, redact.URL(p.URL), p.Object, p.FileHash, p.Time})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(l)
}

func textLine(w io.Writer, f catalog.File) error {
	size, messages := "-", "-"
	if put, ok := f.Put(); ok {
		size = fmt.Sprint(put.Size)
	}
	if f.Captured != nil {
		messages = fmt.Sprint(f.Captured.Messages)
	}
	_, err := fmt.Fprintf(w, "%s  %9s bytes  %7s messages  %s  %s\n",
		f.At.Format(time.DateTime), size, messages, redact.Text(f.Name), where(f))
	return err
}

// where names a file's places.
func where(f catalog.File) string {
	var places []string
	for _, p := range f.Places {
		places = append(places, shownPlace(p))
	}
	if f.Waits {
		places = append(places, "waiting in the store")
	}
	if f.Rejected {
		places = append(places, "set aside in the store")
	}
	if len(places) == 0 {
		return "nowhere: no receipt, and not in the store"
	}
	return strings.Join(places, "  ")
}

func shownPlace(p store.Receipt) string {
	url := redact.URL(p.URL)
	if p.Object != "" {
		return strings.TrimSuffix(url, "/") + "/" + redact.Text(p.Object)
	}
	if p.Sink == "directory" {
		return strings.TrimSuffix(url, "/") + "/" + redact.Text(p.Name)
	}
	return fmt.Sprintf("%s (%.12s)", url, p.FileHash)
}
