package sink

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// maxName leaves room for what nodes put before a name (web-core: seven digits
// and an underscore) below the 255 bytes of a file name.
const maxName = 200

// SafeName returns name as every node can keep it: ASCII letters, digits, dot,
// underscore and hyphen, beginning and ending in neither dot nor underscore,
// never empty, at most 200 bytes. Names that are so already stay as they are.
//
// The web node saves an incoming file under what werkzeug's secure_filename
// leaves of its name, which strips all else and would break on nothing left;
// what SafeName returns passes through that unchanged.
func SafeName(name string) string {
	safe := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '-'
	}, name)
	if safe == "" {
		return "file"
	}
	if len(safe) > maxName {
		// The hash keeps apart what the cut would make equal.
		sum := sha256.Sum256([]byte(name))
		safe = safe[:maxName-17] + "-" + hex.EncodeToString(sum[:8])
	}
	return hyphenated(safe, "._")
}

// hyphenated replaces what stands in cut at both ends of s by hyphens.
func hyphenated(s, cut string) string {
	left := len(s) - len(strings.TrimLeft(s, cut))
	if left == len(s) {
		return strings.Repeat("-", left)
	}
	right := len(s) - len(strings.TrimRight(s, cut))
	return strings.Repeat("-", left) + s[left:len(s)-right] + strings.Repeat("-", right)
}
