package store

import (
	"fmt"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/pack"
)

// The grammar of finished files' names stands here and nowhere else:
//
//	<prefix><YYYYMMDDTHHMMSS.uuuuuuZ>-<nnnnnn>.jsonl
//	<prefix><YYYYMMDDTHHMMSS.uuuuuuZ>-<nnnnnn>.jsonl.gz
//	<prefix><YYYYMMDDTHHMMSS.uuuuuuZ>-<nnnnnn>.jsonl.zst
//
// The ending behind .jsonl tells how the file is packed and nothing else: a
// store may hold all three, and what belongs to one capture is in one of them.
// Time is UTC and that of the first message. It alone is strictly monotone;
// the counter runs through the files of a store, modulo a million, so that a
// person sees a gap, and makes room between two times for a name that gives
// way to a foreign file.
const (
	nameTime    = "20060102T150405.000000Z"
	nameSuffix  = ".jsonl"
	nameDigits  = 6
	nameTail    = len(nameTime) + 1 + nameDigits + len(nameSuffix)
	nameCounter = 1_000_000
	maxPrefix   = 64
)

// maxNameTime is the last time that four digits of year can hold.
var maxNameTime = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)

// fileName is a name of the grammar taken apart.
type fileName struct {
	prefix string
	at     time.Time // UTC, whole microseconds
	n      int
	packed pack.Method
}

func (f fileName) String() string {
	return fmt.Sprintf("%s%s-%0*d%s%s", f.prefix, f.at.Format(nameTime), nameDigits, f.n, nameSuffix, f.packed.Suffix())
}

// plain is the name that the file had before it was packed.
func (f fileName) plain() fileName {
	f.packed = pack.None
	return f
}

// compare orders as the capture did, whatever the prefixes and however the
// files are packed.
func (f fileName) compare(g fileName) int {
	if c := f.at.Compare(g.at); c != 0 {
		return c
	}
	if f.n != g.n {
		return f.n - g.n
	}
	return strings.Compare(f.prefix, g.prefix)
}

// after is the next name that still sorts before any of a later time.
func (f fileName) after() fileName {
	if f.n+1 < nameCounter {
		f.n++
		return f
	}
	f.at, f.n = f.at.Add(time.Microsecond), 0
	return f
}

// parseName takes a name of the grammar apart, whatever its prefix.
func parseName(name string) (fileName, bool) {
	packed := pack.Of(name)
	name = strings.TrimSuffix(name, packed.Suffix())
	cut := len(name) - nameTail
	if cut < 1 || !ValidPrefix(name[:cut]) {
		return fileName{}, false
	}
	prefix, when, rest := name[:cut], name[cut:cut+len(nameTime)], name[cut+len(nameTime):]
	at, err := time.Parse(nameTime, when)
	if err != nil || rest[0] != '-' || rest[1+nameDigits:] != nameSuffix {
		return fileName{}, false
	}
	var again [len(nameTime)]byte
	if string(at.AppendFormat(again[:0], nameTime)) != when { // time.Parse is more lenient than we write
		return fileName{}, false
	}
	n := 0
	for _, c := range []byte(rest[1 : 1+nameDigits]) {
		if c < '0' || c > '9' {
			return fileName{}, false
		}
		n = n*10 + int(c-'0')
	}
	return fileName{prefix, at, n, packed}, true
}

// parseOwn takes apart a name of the grammar with this prefix.
func parseOwn(prefix, name string) (fileName, bool) {
	if len(name) < len(prefix)+nameTail || !strings.HasPrefix(name, prefix) {
		return fileName{}, false
	}
	f, ok := parseName(name)
	return f, ok && f.prefix == prefix
}

// dotName is the name of a file that is cut and being finished.
func dotName(final string) string { return "." + final }

// parseDot takes apart the name of a file that is being finished.
func parseDot(name string) (fileName, bool) {
	if !strings.HasPrefix(name, ".") {
		return fileName{}, false
	}
	return parseName(name[1:])
}

// ValidPrefix reports whether prefix may begin finished files' names:
// [A-Za-z0-9._-]{1,64}, not beginning with a dot.
func ValidPrefix(prefix string) bool {
	if prefix == "" || len(prefix) > maxPrefix || prefix[0] == '.' {
		return false
	}
	for _, c := range []byte(prefix) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// Captured tells when the file of a name of the grammar was begun, whatever its
// prefix, and its counter, which orders files of one time.
func Captured(name string) (at time.Time, counter int, ok bool) {
	f, ok := parseName(name)
	return f.at, f.n, ok
}
