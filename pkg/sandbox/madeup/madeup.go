// Package madeup is what made-up people say: text that a message's number alone
// decides, so that whoever meets it later can say what it ought to be.
package madeup

import "strings"

// words are escaped as Twitter escaped: ASCII, the inside of a JSON string.
var words = []string{
	"the", "lighthouse", "keeper", "counts", "every", "wave", "coffee", "before", "sunrise", "train", "delayed", "again",
	"na\\u00efve", "caf\\u00e9", "\\u00fcber", "fa\\u00e7ade", "\\u3053\\u3093\\u306b\\u3061\\u306f", "\\u0645\\u0631\\u062d\\u0628\\u0627",
	"\\u043f\\u0440\\u0438\\u0432\\u0435\\u0442", "\\ud83d\\ude02", "\\u2764\\ufe0f", "\\ud83c\\udf0a\\ud83c\\udf0a", "\\u0e2a\\u0e27\\u0e31\\u0e2a\\u0e14\\u0e35",
	"\\\"quoted\\\"", "line\\nbreak", "back\\\\slash", "R&amp;D", "5 &lt; 7", "#nowplaying", "#\\u5929\\u6c17", "@keeper_of_none", "RT", "http:\\/\\/t.co\\/wAv3s0ffsh",
	"storage", "node", "stream", "tomorrow", "somewhere", "nobody", "remembers", "why", "yet", "here", "we", "are",
}

// Sentence returns so many words, fit to stand in a JSON string.
func Sentence(seed, count uint64) string {
	said := make([]string, count)
	for i := range said {
		said[i] = words[Mix(seed*131+uint64(i))%uint64(len(words))]
	}
	return strings.Join(said, " ")
}

// Mix is SplitMix64's finalizer: a number that looks random and is not.
func Mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Word returns one of the first twelve words, which are plain letters.
func Word(x uint64) string { return words[x%12] }
