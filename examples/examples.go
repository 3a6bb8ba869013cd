// Package examples holds a configuration for each of today's networks, ready
// to run once what it asks for is filled in. `daemon init` writes them.
//
// It guarantees that each loads without a problem or a warning. It must not
// know what a person answers.
package examples

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed *.ini
var files embed.FS

const extension = ".ini"

// Names returns the networks, sorted.
func Names() []string {
	var names []string
	entries, _ := fs.ReadDir(files, ".") // cannot fail: it is part of the program
	for _, entry := range entries {
		names = append(names, strings.TrimSuffix(entry.Name(), extension))
	}
	return names
}

// Config returns a network's configuration; ok is false for no such network.
func Config(name string) (ini []byte, ok bool) {
	ini, err := files.ReadFile(name + extension)
	return ini, err == nil
}
