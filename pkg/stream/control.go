package stream

import "bytes"

// leading is how many members are looked at for the one that names a control
// message: the order of fields is undefined, so a plain value may stand before.
const leading = 4

// controlKind returns what a message that is no post is called ("delete",
// "limit" …), "" for a post. The shapes are those that Twitter published
// (streaming message types). It looks at the first members of an object that
// is known to be valid, and allocates nothing.
func controlKind(message []byte) string {
	rest := trimSpace(message)[1:]
	for i := range leading {
		key, value := member(rest)
		if len(value) == 0 || string(key) == "created_at" {
			break
		}
		if kind := kindOf(key, value[0], i == 0); kind != "" {
			return kind
		}
		if rest = afterScalar(value); rest == nil {
			break
		}
	}
	return ""
}

// kindOf knows the kinds by key and first byte of the value. Those whose value
// is plain count in first place only: posts of other services have such keys.
func kindOf(key []byte, value byte, first bool) string {
	switch value {
	case '{':
		switch string(key) {
		case "delete":
			return "delete"
		case "scrub_geo":
			return "scrub_geo"
		case "limit":
			return "limit"
		case "status_withheld":
			return "status_withheld"
		case "user_withheld":
			return "user_withheld"
		case "disconnect":
			return "disconnect"
		case "warning":
			return "warning"
		case "control":
			return "control"
		case "direct_message":
			return "direct_message"
		}
	case '[':
		switch string(key) {
		case "friends":
			return "friends"
		case "friends_str":
			return "friends_str"
		}
	default:
		switch {
		case first && string(key) == "event":
			return "event"
		case first && string(key) == "for_user":
			return "for_user"
		}
	}
	return ""
}

// member splits `"key": value…` and returns the key and all from the value on.
func member(text []byte) (key, value []byte) {
	text = trimSpace(text)
	if len(text) == 0 || text[0] != '"' {
		return nil, nil
	}
	end := endOfString(text)
	value = trimSpace(text[end:])
	if len(value) == 0 {
		return nil, nil
	}
	return text[1 : end-1], trimSpace(value[1:]) // past the colon
}

// afterScalar returns what follows a plain value and its comma; nil if the
// value has members of its own or was the last.
func afterScalar(value []byte) []byte {
	end := 0
	switch value[0] {
	case '{', '[':
		return nil
	case '"':
		end = endOfString(value)
	}
	comma := bytes.IndexAny(value[end:], ",}")
	if comma < 0 || value[end+comma] == '}' {
		return nil
	}
	return value[end+comma+1:]
}

// endOfString returns the index behind the string that text begins with.
func endOfString(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

func trimSpace(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t' || text[0] == '\r' || text[0] == '\n') {
		text = text[1:]
	}
	return text
}
