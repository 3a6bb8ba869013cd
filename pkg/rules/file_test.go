package rules

import (
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/storj/twitter-stream/pkg/exitcode"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		want     []Rule
		problems []string
	}{
		{"empty", "", nil, nil},
		{"comments and blanks", "# a\n\n  \n#b\n", nil, nil},
		{"a value", "cat has:images\n", []Rule{{Value: "cat has:images", Line: 1}}, nil},
		{"a tag", "\ufeffcat\tcats with images\r\n", []Rule{{Value: "cat", Tag: "cats with images", Line: 1}}, nil},
		{"a line without an end", "a\nb", []Rule{{Value: "a", Line: 1}, {Value: "b", Line: 2}}, nil},
		{"a hashtag in brackets", "(#storj)", []Rule{{Value: "(#storj)", Line: 1}}, nil},
		{"JSON", `{"id":"7","value":"#storj","tag":"t"}`, []Rule{{Value: "#storj", Tag: "t", Line: 1}}, nil},
		{"all that is wrong", "a\na\tt\n{\"vaule\":\"x\"}\n{\"value\":\" \"}\n{} {}\n", nil, []string{
			"f:2: the same rule as in line 1", "f:3: no JSON object", "f:4: a rule without a value", "f:5: no JSON object"}},
		{"a book", "a\n" + strings.Repeat("x", 1<<17), nil, []string{"f:2: the line is longer than any rule"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse("f", strings.NewReader(tt.in))
			if tt.problems == nil {
				if err != nil || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("got %v, %v, want %v", got, err, tt.want)
				}
				return
			}
			var bad *FileError
			if !errors.As(err, &bad) || len(bad.Problems) != len(tt.problems) || exitcode.Of(err) != exitcode.Config {
				t.Fatalf("got %v, want %q", err, tt.problems)
			}
			for i, want := range tt.problems {
				if !strings.HasPrefix(bad.Problems[i], want) {
					t.Errorf("problem %q, want %q", bad.Problems[i], want)
				}
			}
		})
	}
	if _, err := Parse("f", iotest.ErrReader(io.ErrUnexpectedEOF)); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a file that cannot be read: %v", err)
	}
}

// What is listed is what a file may hold, whatever the rule.
func FuzzFormat(f *testing.F) {
	for _, seed := range []string{"cat", "#tag", "{x", "a\tb", "a\nb", " a ", "\x1b[2J", "ü", ""} {
		f.Add(seed, "tag")
		f.Add("value", seed)
	}
	f.Fuzz(func(t *testing.T, value, tag string) {
		rule := Rule{Value: strings.TrimSpace(strings.ToValidUTF8(value, "")), Tag: strings.TrimSpace(strings.ToValidUTF8(tag, ""))}
		if rule.Value == "" || len(rule.Value)+len(rule.Tag) > 4<<10 {
			return
		}
		line := rule.Format()
		back, err := Parse("f", strings.NewReader(line))
		if err != nil || len(back) != 1 || back[0].bare() != rule {
			t.Errorf("%+v is listed as %q, which reads as %+v, %v", rule, line, back, err)
		}
		if !printable(line) {
			t.Errorf("%q moves a cursor", line)
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add("# a\ncat\tt\n{\"value\":\"x\"}\n")
	f.Add("\x00\xff\n{")
	f.Fuzz(func(t *testing.T, text string) {
		rules, err := Parse("f", strings.NewReader(text))
		for _, rule := range rules {
			if rule.Value == "" || rule.Line == 0 || err != nil {
				t.Errorf("%+v, %v", rule, err)
			}
		}
	})
}
