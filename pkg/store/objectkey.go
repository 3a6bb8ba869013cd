package store

import (
	"net/url"
	"strings"
)

// ObjectKey is the key of a receipt's object below the URL of its place. Where
// that has a prefix in a bucket, a receipt may name it too.
func (r Receipt) ObjectKey() string {
	if r.Object == "" {
		return r.Name
	}
	u, err := url.Parse(r.URL)
	if err != nil {
		return r.Object
	}
	prefix := strings.Trim(u.Path, "/")
	if key, ok := strings.CutPrefix(r.Object, prefix+"/"); ok && prefix != "" {
		return key
	}
	return r.Object
}
