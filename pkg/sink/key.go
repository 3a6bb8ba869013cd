package sink

import "strings"

// maxKey is the longest key, in bytes: S3's limit (Amazon S3 user guide, object
// keys) less room for the prefix in a URL.
const maxKey = 800

// ValidKey reports whether key may name an object: elements of letters,
// digits, dots, underscores, hyphens and equals signs between slashes, none
// empty, longer than a safe name or beginning with a dot. So a key is a relative
// path on every system and the same bytes in every URL.
func ValidKey(key string) bool {
	if len(key) > maxKey {
		return false
	}
	for element := range strings.SplitSeq(key, "/") {
		if element == "" || element[0] == '.' || len(element) > maxName {
			return false
		}
		for _, c := range []byte(element) {
			switch {
			case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			case c == '.', c == '_', c == '-', c == '=':
			default:
				return false
			}
		}
	}
	return true
}
