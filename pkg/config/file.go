package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode"

	"github.com/go-ini/ini"

	"github.com/storj/twitter-stream/pkg/redact"
)

const (
	maxFile     = 1 << 20 // bytes of an ini file
	maxReported = 20      // lines of one kind that are named one by one
)

var isBlank = unicode.IsSpace

// iniFile is a file's keys and what was wrong with its lines.
type iniFile struct {
	values   map[string]string
	lines    map[string]line
	problems []Problem // without File
}

// readINI reads a file's [DEFAULT] section. The error is about the file as a
// whole: errors.Is fs.ErrNotExist when there is none.
func readINI(path string) (iniFile, error) {
	data, err := readSmall(path)
	if err != nil {
		return iniFile{}, err
	}
	if bytes.HasPrefix(data, []byte("\xff\xfe")) || bytes.HasPrefix(data, []byte("\xfe\xff")) {
		return iniFile{}, errors.New("is UTF-16: save it as UTF-8")
	}
	f := iniFile{lines: map[string]line{}}
	text := f.guard(scan(data))
	f.values, err = parse(text)
	return f, err
}

// readSmall reads a regular file of at most 1 MiB. It never blocks on a FIFO.
func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, plain(err)
	}
	if !info.Mode().IsRegular() && path != os.DevNull {
		return nil, errors.New("is no regular file")
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, plain(err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, plain(err)
	}
	if len(data) > maxFile {
		return nil, errors.New("is larger than 1 MiB")
	}
	return data, nil
}

// plain takes the path off an error that is printed behind the path.
func plain(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}

// guard notes what is wrong with the lines and returns the good ones as text
// that the library reads as it stands.
func (f *iniFile) guard(lines []line) string {
	var text strings.Builder
	inDefault, bad := true, 0
	for i, l := range lines {
		switch {
		case l.kind == section:
			if inDefault = l.isDefault(); !inDefault {
				f.note(&bad, fmt.Sprintf("line %d", i+1), "section ["+redact.Text(l.name)+"]",
					"all keys stand in [DEFAULT]; those of another section are not read")
			}
		case l.kind == garbage: // which may hold a secret, so it is never shown
			f.note(&bad, fmt.Sprintf("line %d", i+1), "", `neither "key = value" nor [DEFAULT] nor a # comment`)
		case l.kind == pair && inDefault:
			if _, twice := f.lines[l.name]; twice {
				f.note(&bad, fmt.Sprintf("line %d", i+1), redact.Text(l.name), "each key once; this one stands further up already")
			}
			f.lines[l.name] = l
			text.WriteString(l.name + " = " + shield(l.value()) + "\n")
		}
	}
	if bad > maxReported {
		f.problems = append(f.problems, Problem{Allowed: fmt.Sprintf("and %d more such lines", bad-maxReported)})
	}
	return text.String()
}

func (f *iniFile) note(bad *int, key, value, allowed string) {
	if *bad++; *bad <= maxReported {
		f.problems = append(f.problems, Problem{Key: key, Value: value, Allowed: allowed})
	}
}

// shield wraps a value that the library would unquote, or search the following
// lines for the end of, in the quotes that it takes off again.
func shield(value string) string {
	if strings.HasPrefix(value, "`") || strings.HasPrefix(value, `"""`) {
		return "`" + value + "`"
	}
	return value
}

// parse has the library read guarded text. Its defaults would cut a value at #
// or ;, join a line that ends in a backslash with the next and strip quotes;
// String would expand %(name)s, Value does not.
func parse(text string) (map[string]string, error) {
	file, err := ini.LoadSources(ini.LoadOptions{
		IgnoreInlineComment:     true,
		IgnoreContinuation:      true,
		PreserveSurroundedQuote: true,
		InsensitiveKeys:         true,
	}, []byte(text))
	if err != nil {
		return nil, errors.New("cannot be read as an ini file") // the library's text quotes the line
	}
	values := map[string]string{}
	for _, k := range file.Section(ini.DefaultSection).Keys() {
		values[k.Name()] = k.Value()
	}
	return values, nil
}
