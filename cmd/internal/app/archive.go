package app

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/storj/twitter-stream/pkg/store"
)

// ArchiveMemory keeps, in the store, the id of the directory that upload_url
// names: whatever else lies at that path later is not it.
type ArchiveMemory struct {
	Store *store.Store
	URL   string
}

// archived is .state/archive-<hash of the URL>.json.
type archived struct {
	URL     string `json:"url"`
	Archive string `json:"archive"`
}

func (m ArchiveMemory) file() string {
	sum := sha256.Sum256([]byte(m.URL))
	return "archive-" + hex.EncodeToString(sum[:6]) + ".json"
}

// Path returns the file's path: it changes when a person has run init-dir.
func (m ArchiveMemory) Path() string { return filepath.Join(m.Store.Dir(), ".state", m.file()) }

// Recall returns the id, "" if none was remembered.
func (m ArchiveMemory) Recall() (string, error) {
	data, err := m.Store.ReadState(m.file())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var saved archived
	if json.Unmarshal(data, &saved) != nil || saved.Archive == "" {
		return "", fmt.Errorf(".state/%s is damaged", m.file())
	}
	return saved.Archive, nil
}

// Remember keeps the id; it is on the disk when it returns.
func (m ArchiveMemory) Remember(id string) error {
	data, err := json.Marshal(archived{URL: m.URL, Archive: id})
	if err != nil {
		return err
	}
	return m.Store.WriteState(m.file(), append(data, '\n'), true)
}
