package supervisor

import (
	"encoding/json"
	"os"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/status"
)

// lookPatience bounds a look, so that a disk that does not answer cannot keep
// the daemon from stopping its children.
const lookPatience = time.Second

// look is what the files say at one moment.
type look struct {
	status status.Common
	ok     bool // status could be read
	marks  marks
}

// looker reads a child's status and the watched files beside the loop, one
// read at a time.
type looker struct {
	status  func() ([]byte, error)
	files   []string
	pending chan look // a read that has not come back
}

// look returns what the files say now; false when they could not be read in
// time. A read that hangs is left behind, and no other one begun until it
// comes back, when what it saw is old and thrown away.
func (l *looker) look() (look, bool) {
	late := time.NewTimer(lookPatience)
	defer late.Stop()
	for {
		fresh := l.pending == nil
		if fresh {
			l.pending = make(chan look, 1)
			go func(answer chan<- look) { answer <- l.read() }(l.pending)
		}
		select {
		case seen := <-l.pending:
			l.pending = nil
			if fresh {
				return seen, true
			}
		case <-late.C:
			return look{}, false
		}
	}
}

func (l *looker) read() look {
	seen := look{marks: takeMarks(l.files)}
	b, err := l.status()
	if err == nil && json.Unmarshal(b, &seen.status) == nil {
		seen.ok = true
	} else {
		seen.status = status.Common{} // half of a status is none
	}
	return seen
}

// marks tell by which a file is known to have changed; nil is a missing file.
type marks map[string]os.FileInfo

func takeMarks(files []string) marks {
	m := make(marks, len(files))
	for _, file := range files {
		if _, done := m[file]; done { // credentials are configuration, too
			continue
		}
		info, err := os.Stat(file)
		if err != nil {
			info = nil // one that cannot be read is as good as missing to the child too
		}
		m[file] = info
	}
	return m
}

// differ reports whether one of files is not what it was. A file that an
// earlier look did not reach has not changed.
func (m marks) differ(old marks, files []string) bool {
	return slices.ContainsFunc(files, func(file string) bool {
		now, known := m[file]
		was, known2 := old[file]
		switch {
		case !known || !known2:
			return false
		case now == nil || was == nil:
			return now != was
		}
		return now.Size() != was.Size() || !now.ModTime().Equal(was.ModTime()) || !os.SameFile(now, was)
	})
}

func watched(spec Child) []string {
	return slices.Concat(spec.ConfigFiles, spec.CredentialFiles)
}
