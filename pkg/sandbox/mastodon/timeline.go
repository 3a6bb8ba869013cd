package mastodon

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
)

// How many posts a page has.
const (
	usualPage = 20
	maxPage   = 40
)

// timeline answers a page of the public timeline, newest first: with min_id
// the posts immediately above it, else the newest, above since_id, below
// max_id (Mastodon, methods/timelines).
func (s *Server) timeline(w http.ResponseWriter, r *http.Request) {
	if arg, on := s.Faults.Take("rest-limit"); on {
		seconds, err := fault.Number(arg)
		if err != nil {
			seconds = 1
		}
		limited(w, seconds)
		return
	}
	if _, on := s.Faults.Take("rest-error"); on {
		refuse(w, r, http.StatusServiceUnavailable)
		return
	}
	if _, on := s.Faults.Peek("no-preview"); on && r.Header.Get("Authorization") != "Bearer "+Token {
		s.Faults.Take("no-preview")
		says(w, http.StatusUnauthorized, "This method requires an authenticated user")
		return
	}
	q := r.URL.Query()
	most, err := strconv.Atoi(q.Get("limit"))
	if err != nil || most < 1 {
		most = usualPage
	}
	posts := s.page(q, min(most, maxPage))
	if len(posts) > 0 {
		w.Header().Set("Link", s.links(q, posts))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	page := []byte{'['} // by hand: an encoder would write the posts anew
	for i, seq := range posts {
		if i > 0 {
			page = append(page, ',')
		}
		_, payload := s.happened(seq)
		page = append(page, payload...)
	}
	w.Write(append(page, ']'))
}

// page returns the posts of a page, newest first.
func (s *Server) page(q url.Values, most int) (posts []uint64) {
	from, to := uint64(1), s.Head()
	forward := false
	if id, err := strconv.ParseUint(q.Get("since_id"), 10, 64); err == nil {
		from = s.after(id)
	}
	if id, err := strconv.ParseUint(q.Get("min_id"), 10, 64); err == nil {
		from, forward = s.after(id), true
	}
	if id, err := strconv.ParseUint(q.Get("max_id"), 10, 64); err == nil {
		to = min(to, max(1, s.seqOf(id))-1)
	}
	if forward {
		for seq := from; seq <= to && len(posts) < most; seq++ {
			if s.Posted(seq) {
				posts = append(posts, seq)
			}
		}
		slices.Reverse(posts)
		return posts
	}
	for seq := to; seq >= from && len(posts) < most; seq-- {
		if s.Posted(seq) {
			posts = append(posts, seq)
		}
	}
	return posts
}

// after is the first event above an id.
func (s *Server) after(id uint64) uint64 {
	seq := s.seqOf(id)
	if s.id(seq) == id {
		seq++
	}
	return seq
}

// links lead to the pages before and after this one.
func (s *Server) links(q url.Values, posts []uint64) string {
	link := func(name string, seq uint64, rel string) string {
		other := url.Values{name: {strconv.FormatUint(s.id(seq), 10)}}
		for _, keep := range []string{"limit", "local", "remote", "only_media"} {
			if q.Has(keep) {
				other.Set(keep, q.Get(keep))
			}
		}
		return fmt.Sprintf("<%s/api/v1/timelines/public?%s>; rel=%q", s.URL(), other.Encode(), rel)
	}
	return link("max_id", posts[len(posts)-1], "next") + ", " + link("min_id", posts[0], "prev")
}
