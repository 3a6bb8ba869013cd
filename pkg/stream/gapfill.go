package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
	"github.com/storj/twitter-stream/pkg/redact"
)

const (
	// maxPages is how many pages are asked for in one go: Mastodon allows as many
	// requests in five minutes (its documentation, rate limits).
	maxPages = 300
	// maxPageBytes is far more than a page of statuses has.
	maxPageBytes = 16 << 20
	pageLimit    = 30 * time.Second
)

// filler fetches what a Mastodon's stream has not brought, page by page, the
// oldest status first. The stream is connected already and waits in the buffers
// on the way, so that nothing falls in between.
type filler struct {
	next    *url.URL // nil: there is no further page
	bearer  string
	pages   int
	waiting [][]byte // messages
}

// newFiller returns nil where nothing was missed, or where nobody can tell.
func (s *Source) newFiller() *filler {
	if s.cfg.Missed == nil {
		return nil
	}
	u := s.request.urls[0]
	f := &filler{next: s.cfg.Missed(u)}
	if f.next == nil {
		return nil
	}
	if f.next.Host == u.Host { // a token is for nobody else
		f.bearer = s.cfg.Bearer
		if f.bearer == "" {
			f.bearer = u.Query().Get("access_token")
		}
	}
	return f
}

// fetch gets the next page. Where that fails it says so, and the stream goes on
// without what is missing. The end of ctx ends the connection, too: messages of
// the stream would take its position past what the next process has to fetch.
func (s *Source) fetch(ctx context.Context) {
	f := s.filler
	done := s.cfg.Busy(pageLimit + busyMargin)
	defer done()
	after := f.next.Query().Get("min_id")
	err := errors.New("there is too much of it")
	if f.pages++; f.pages <= maxPages {
		err = s.fetchPage(ctx, f, after)
	}
	if err == nil {
		return
	}
	f.next = nil
	if ctx.Err() != nil { // what the stream brought meanwhile is behind what is missing still
		s.conn.ended = ctx.Err()
		return
	}
	if s.cfg.Unfilled != nil {
		s.cfg.Unfilled(after)
	}
	s.cfg.Notice(NoticeGap, fmt.Sprintf("the statuses after %s cannot be had: %v", after, plain(err)))
}

// fetchPage has the statuses of one page wait, and finds the next page.
func (s *Source) fetchPage(ctx context.Context, f *filler, after string) error {
	statuses, err := s.getPage(ctx, f)
	if err != nil {
		return err
	}
	slices.SortFunc(statuses, func(a, b post) int { // pages come with the newest first
		switch {
		case network.LaterID(a.id, b.id):
			return 1
		case network.LaterID(b.id, a.id):
			return -1
		}
		return 0
	})
	for _, p := range statuses {
		if len(p.text) > s.cfg.MaxMessage {
			s.dropped(oversize, p.text)
			continue
		}
		text := bytes.ReplaceAll(p.text, []byte{'\n'}, []byte{' '})
		f.waiting = append(f.waiting, appendEvent(nil, []byte("update"), text))
	}
	if len(statuses) == 0 || !network.LaterID(statuses[len(statuses)-1].id, after) {
		f.next = nil
		return nil
	}
	q := f.next.Query()
	q.Set("min_id", statuses[len(statuses)-1].id)
	f.next.RawQuery = q.Encode()
	return nil
}

// post is a status of a page.
type post struct {
	id   string
	text []byte
}

func (s *Source) getPage(ctx context.Context, f *filler) ([]post, error) {
	ctx, cancel := context.WithTimeout(ctx, pageLimit)
	defer cancel()
	resp, err := s.get(ctx, f.next, f.bearer)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		page, _ := io.ReadAll(io.LimitReader(resp.Body, maxHeader)) // what came is worth showing
		return nil, s.refused(resp, page)
	}
	page, err := io.ReadAll(io.LimitReader(resp.Body, maxPageBytes))
	if err != nil {
		return nil, err
	}
	var texts []json.RawMessage
	if err := json.Unmarshal(page, &texts); err != nil {
		return nil, errors.New("the answer is no list of statuses: " + redact.Body(bytes.NewReader(page)))
	}
	statuses := make([]post, 0, len(texts))
	for _, text := range texts {
		if id := network.StatusID(text); id != nil {
			statuses = append(statuses, post{string(id), text})
		}
	}
	return statuses, nil
}

// get asks for what is no stream, without following it elsewhere.
func (s *Source) get(ctx context.Context, u *url.URL, bearer string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if s.cfg.UserAgent != "" {
		req.Header.Set("User-Agent", s.cfg.UserAgent)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return s.cfg.Client.Do(req)
}

// filled returns the next message that was missed, nil when there is none for
// now.
func (f *filler) filled() []byte {
	if f == nil || len(f.waiting) == 0 {
		return nil
	}
	message := f.waiting[0]
	f.waiting = f.waiting[1:]
	return message
}

// over reports whether the stream may go on.
func (f *filler) over() bool { return f == nil || f.next == nil && len(f.waiting) == 0 }
