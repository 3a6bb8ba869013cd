package retrieve

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/catalog"
	"github.com/storj/twitter-stream/pkg/sink"
)

// namer gives files the names that they get here.
type namer struct {
	at    time.Time
	now   map[string]string // names of that time, and whose content has them
	other map[string]string // names outside the grammar
}

// packed reports whether a file is inflated: what the grabber has packed, and
// nothing that somebody pushed.
func packed(f catalog.File) bool {
	_, ending := catalog.Plain(f.Name)
	return ending && !f.Foreign && !f.Pushed
}

// errTwice says that a file is in the ledgers packed in two ways, and has come
// already.
var errTwice = errors.New("it has come already")

// of returns the name of a file: its own, without the ending of a packed one. Of
// two files with one name and not one content the second gets a part of its hash
// into its name, so that it sorts behind the first.
func (n *namer) of(f catalog.File) (string, error) {
	name := f.Name
	if packed(f) {
		name, _ = catalog.Plain(name)
	}
	if f.Foreign && sink.SafeName(name) != name || !filepath.IsLocal(name) || filepath.Base(name) != name {
		return "", fmt.Errorf("its name is not one that becomes a file: %.80q", name)
	}
	taken := n.taken(f)
	content, ok := f.Inflated()
	if !ok {
		content, _ = f.Put()
	}
	whose, again := taken[name]
	if !again {
		taken[name] = content.SHA256
		return name, nil
	}
	if whose == content.SHA256 && whose != "" {
		return "", errTwice
	}
	if len(content.SHA256) < 8 {
		return "", errors.New("another file has its name, and no book tells its content")
	}
	ending := filepath.Ext(name)
	name = strings.TrimSuffix(name, ending) + "_" + content.SHA256[:8] + ending
	taken[name] = content.SHA256
	return name, nil
}

// taken are the names that a file's may clash with.
func (n *namer) taken(f catalog.File) map[string]string {
	if f.Foreign {
		if n.other == nil {
			n.other = map[string]string{}
		}
		return n.other
	}
	if n.now == nil || !f.At.Equal(n.at) {
		n.at, n.now = f.At, map[string]string{}
	}
	return n.now
}
