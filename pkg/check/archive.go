package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/storj/twitter-stream/pkg/dirfs"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink/directory"
)

// Archive looks whether the directory at path is the archive that the store
// ships to (recall; "" for none yet), can be written and has room. command
// makes it one.
func Archive(path string, recall func() (id string, err error), command string) Check {
	return func(context.Context) []Finding {
		known, err := recall()
		if err != nil {
			return []Finding{{"archive", Fail, redact.Text(err.Error()), "to ship to what is there now, run: " + command}}
		}
		return []Finding{archive(path, known, command)}
	}
}

func archive(path, known, command string) Finding {
	shown := redact.Text(path)
	found, err := directory.Look(path)
	gone := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
	switch {
	case gone && known != "":
		return Finding{"archive", Fail, fmt.Sprintf("%s: the archive %.8s is not there", shown, known), "mount its disk, if it has one of its own; files wait in the store meanwhile"}
	case gone && directory.MayCreate(path):
		return Finding{Topic: "archive", Text: shown + " will be made when the uploader starts"}
	case gone:
		return Finding{"archive", Fail, shown + " is not an archive: there is no marker", "mount its disk first if it has one; then run: " + command}
	case err != nil && dirfs.IsNoRoom(err):
		return Finding{"archive", Fail, shown + " is full: " + redact.Text(err.Error()), "make room; files wait in the store meanwhile"}
	case err != nil:
		return Finding{"archive", Fail, redact.Text(err.Error()), "make it writable for this user; files wait in the store meanwhile"}
	case known != "" && known != found.ID:
		return Finding{"archive", Fail, fmt.Sprintf("%s is another archive (%.8s) than the one that was shipped to (%.8s)", shown, found.ID, known),
			"mount the right one; or, to ship to this one from now on, run: " + command}
	}
	text := shown + " can be written"
	if found.Free >= 0 {
		text += ", " + room(found.Free) + " free"
	}
	return Finding{Topic: "archive", Text: text}
}

// room words a size; an archive may be a small stick.
func room(bytes int64) string {
	if bytes < 1<<30 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
}
