package network

import "bytes"

// members calls visit for each member of a JSON object, in order, until it
// returns false. The text is one valid JSON value; what is no object has none.
func members(text []byte, visit func(key, value []byte) (more bool)) {
	text = blanks(text)
	if len(text) == 0 || text[0] != '{' {
		return
	}
	for text = blanks(text[1:]); len(text) > 0 && text[0] == '"'; {
		end := pastString(text)
		key, rest := text[1:max(1, end-1)], blanks(text[end:])
		if len(rest) == 0 {
			return
		}
		rest = blanks(rest[1:]) // the colon
		end = pastValue(rest)
		if end == 0 || !visit(key, rest[:end]) {
			return
		}
		rest = blanks(rest[end:])
		if len(rest) == 0 || rest[0] != ',' {
			return
		}
		text = blanks(rest[1:])
	}
}

// find returns the value of the first member of that name, nil if there is none.
func find(text []byte, name string) (value []byte) {
	members(text, func(k, v []byte) bool {
		if string(k) == name {
			value = v
		}
		return value == nil
	})
	return value
}

// plain takes the quotes off a string; its escapes stay.
func plain(value []byte) []byte {
	if len(value) >= 2 && value[0] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}

func blanks(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t' || text[0] == '\r' || text[0] == '\n') {
		text = text[1:]
	}
	return text
}

// pastValue returns the length of the value that text begins with.
func pastValue(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	switch text[0] {
	case '"':
		return pastString(text)
	case '{', '[':
		return pastNested(text)
	}
	if end := bytes.IndexAny(text, ",}] \t\r\n"); end >= 0 {
		return end
	}
	return len(text)
}

func pastNested(text []byte) int {
	depth := 0
	for i := 0; i < len(text); {
		switch text[i] {
		case '"':
			i += pastString(text[i:])
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
	return len(text)
}

// pastString returns the length of the string that text begins with.
func pastString(text []byte) int {
	for i := 1; i < len(text); {
		quote := bytes.IndexByte(text[i:], '"')
		if quote < 0 {
			break
		}
		i += quote + 1
		escapes := 0
		for text[i-2-escapes] == '\\' { // ends at the opening quote at the latest
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
	return len(text)
}
