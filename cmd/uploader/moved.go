package main

import (
	"fmt"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/store"
)

// moves says where places are now that a person says have moved, by the URLs
// that receipts name.
type moves map[string]place

// movesOf takes each to be the one place of its kind in upload_url.
func movesOf(cfg *config.Config, moved []string) (moves, error) {
	m := moves{}
	for _, from := range movedURLs(moved) {
		kind := kindOf(from)
		var now []place
		for _, at := range configuredPlaces(cfg) {
			if at[0] == kind {
				now = append(now, place{at[0], at[1]})
			}
		}
		if len(now) != 1 {
			return nil, &app.ConfigError{
				Err:    fmt.Errorf("where %s has moved to is not known: upload_url names %d places of its kind", redact.URL(from), len(now)),
				Advice: "name in upload_url, in " + cfg.Path + ", the one place where it is now",
			}
		}
		m[from] = now[0]
	}
	return m, nil
}

// of returns a receipt as of where its object is now.
func (m moves) of(r store.Receipt) store.Receipt {
	if now, ok := m[r.URL]; ok && now.kind == r.Sink {
		r.URL = now.url
	}
	return r
}
