package store

import (
	"errors"
	"io/fs"
	"strings"
)

// maxStoreName is the longest name of a store, in bytes.
const maxStoreName = 200

// christen gives a store that is being made its name, unless another process
// that makes it too was first.
func (s *Store) christen() error {
	if s.cfg.Name == "" {
		return nil
	}
	temp := tempName(nameFile)
	err := s.writeFile(temp, true, [][]byte{[]byte(s.cfg.Name + "\n")})
	if err == nil {
		err = s.fs.RenameNoReplace(temp, nameFile)
	}
	if err != nil {
		_ = s.fs.Remove(temp) // it would be found at the next start
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return s.trouble("write", nameFile, err)
	}
	return s.trouble("fsync", stateDir, s.fs.SyncDir(stateDir))
}

// Name is what the store was called when it was made, wherever it lies and
// whatever its machine is called now; "" where an older version made it.
func (s *Store) Name() (string, error) {
	data, err := s.readFile(nameFile, maxStoreName)
	switch name := strings.TrimSpace(string(data)); {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", s.trouble("read", nameFile, err)
	case !isBare(name):
		return "", s.trouble("read", nameFile, errors.New("not a bare name"))
	default:
		return name, nil
	}
}
