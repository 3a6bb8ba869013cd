package stream

import (
	"encoding/json"
	"strings"
	"testing"
)

// The quick judge alone, without encoding/json behind it, agrees with it on
// all that is not nested too deep for it: else it would be right but slow.
func TestQuickJudgeAlone(t *testing.T) {
	t.Parallel()
	check := func(in string) {
		t.Helper()
		if got, want := isValue([]byte(in)), json.Valid([]byte(in)); got != want {
			t.Errorf("isValue(%.200q) = %t, encoding/json says %t", in, got, want)
		}
	}
	values := []string{
		"", " ", "{}", "[]", " { } ", "[ ]", "{}}", "[]]", "[}", "{]", "{", "[", "{,}", "[,]", "[1,]", "[1}", `{"a":1]`, `[{"a":1]}`, `{"a":[1}]`, `{"a":1,}`, "[1 2]", `{"a" 1}`, `{"a"}`,
		`{"a":1 "b":2}`, `{1:2}`, `{"a":{"b":[{"c":[]},{}]}}`, `[[[]],{}]`, `{"a" : 1 , "b":2 }`, "[\n1,\t2\r]", "[\v1]", "1", "-1", "-", "-0", "00", "01",
		"0.1", "0.", ".1", "1e1", "1E+1", "1e-1", "1e", "1e+", "1.e1", "12345678", "123456789012345678901234567890", "12345678.12345678e12345678",
		"1234567:", "1234567/", "12345678a", "true", "false", "null", "tru", "truee", "nul", "falze", "True", "1,2", "true false", `"a" "b"`,
		"{\"a\":1}\x00", "\xef\xbb\xbf{}", "{\"\x7f\x80\xff\":1}",
	}
	for _, v := range values {
		for _, frame := range []string{"%", `{"k":%}`, "[%,%]", `[{"k":[%]},1]`} {
			check(strings.ReplaceAll(frame, "%", v))
		}
	}
	for c := range 256 { // each byte at each place in a string, plain and escaped
		for before := range 20 {
			text := strings.Repeat("x", before) + string([]byte{byte(c)})
			for after := range 10 {
				check(`{"` + text + strings.Repeat("y", after) + `":1}`)
			}
			check(`["` + strings.Repeat("x", before) + `\` + string([]byte{byte(c)}) + `"]`)
			check(`["` + strings.Repeat("x", before) + `\` + string([]byte{byte(c)}) + `00e9 and more"]`)
			check(`["` + strings.Repeat("x", before) + `\u00` + string([]byte{byte(c)}) + `9"]`)
			check(strings.Repeat("1", before) + string([]byte{byte(c)}) + "1")
		}
	}
	for n := range 64 {
		check(strings.Repeat("[", n) + strings.Repeat("]", n))
		check(strings.Repeat(`{"a":[`, n/2) + strings.Repeat("]}", n/2))
	}
}

func TestQuickJudgeTakesRecordedMessages(t *testing.T) {
	t.Parallel()
	for _, line := range realData(t, "tweets-v11.jsonl") {
		if !isValue(line) {
			t.Errorf("isValue(%.200q) = false", line)
		}
	}
}

// What is nested deeper than the quick judge can remember is a message all the
// same.
func TestDeepNesting(t *testing.T) {
	t.Parallel()
	for _, n := range []int{63, 64, 65, 66, 128, 4097, maxNesting, maxNesting + 1} {
		for _, last := range []string{"}", "]", ""} {
			in := []byte(strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n-1) + last)
			if got, want := isMessage(in), json.Valid(in); got != want {
				t.Errorf("%d deep, %q at the end: isMessage = %t, encoding/json says %t", n, last, got, want)
			}
		}
	}
}
