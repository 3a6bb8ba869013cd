package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Create writes a new config.ini: a template whose keys get these values. It
// is readable by its owner alone, since it may hold a secret. errors.Is
// fs.ErrExist: there is one, which stays as it is.
func Create(path string, template []byte, values map[string]string) error {
	data := template
	for name, value := range values {
		data = setKey(data, name, value)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("create %s: %w", path, plain(err))
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path) // half a configuration is none
		return fmt.Errorf("write %s: %w", path, plain(err))
	}
	return nil
}

// Check returns what is allowed where a key may not have that value, or where
// there is no such key.
func Check(name, value string) error {
	k, ok := find(name)
	if !ok {
		return fmt.Errorf("there is no key %s", name)
	}
	if strings.ContainsAny(value, "\r\n") {
		return errors.New("a value has one line")
	}
	return k.set(&Config{}, strings.TrimSpace(value))
}

// setKey returns a file's text with a key's value replaced, or with a line of
// its own at the end.
func setKey(data []byte, name, value string) []byte {
	lines := scan(data)
	i := slices.IndexFunc(lines, func(l line) bool { return l.kind == pair && l.name == name })
	if i < 0 {
		return join(data, insert(lines, len(lines), name+" = "+value))
	}
	head := strings.TrimRight(lines[i].text[:lines[i].start], " \t\r\n")
	lines[i].text = head + " " + value + lines[i].text[lines[i].end:]
	return join(data, lines)
}
