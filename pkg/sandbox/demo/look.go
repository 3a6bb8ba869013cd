package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// status is what the demo reads of a status file.
type status struct{ PID int }

// readStatus reads .state/<name>.json; one that is not there yet is zero.
func (s *stage) readStatus(name string) status {
	var st status
	b, err := os.ReadFile(filepath.Join(s.store, ".state", name+".json"))
	if err != nil || json.Unmarshal(b, &st) != nil {
		return status{}
	}
	return st
}

// receipt is what the demo reads of the ledger.
type receipt struct {
	Name, SHA256, FileHash, Key, By string
	Size                            int64
}

// ledger reads all receipts. A last line that is still being written is left
// for the next time.
func (s *stage) ledger() ([]receipt, error) {
	files, err := filepath.Glob(filepath.Join(s.store, "ledger", "*.jsonl"))
	if err != nil {
		return nil, err
	}
	var all []receipt
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		for line := range bytes.Lines(b) {
			var r receipt
			if err := json.Unmarshal(line, &r); err != nil {
				if bytes.HasSuffix(line, []byte("\n")) {
					return nil, errors.Join(errors.New("ledger "+file+": a line is no receipt"), err)
				}
				continue
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// waiting lists the files of the store that hold messages and have not been
// shipped: finished ones, those being finished, the working file.
func (s *stage) waiting() (finished, unfinished []string, err error) {
	entries, err := os.ReadDir(s.store)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	for _, e := range entries {
		info, e2 := e.Info()
		if e2 != nil || !info.Mode().IsRegular() || info.Size() == 0 {
			continue // gone between listing and looking, or nothing in it
		}
		if strings.HasSuffix(e.Name(), ".jsonl") && !strings.HasPrefix(e.Name(), ".") {
			finished = append(finished, e.Name())
		} else {
			unfinished = append(unfinished, e.Name())
		}
	}
	return finished, unfinished, err
}

// rejected lists what was set aside; nothing should have been.
func (s *stage) rejected() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.store, "rejected"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// figures are what is shown while it runs: what was sent is in the store, on
// the node or, for a moment, on its way.
type figures struct {
	messages              uint64
	sent, stored, shipped int64 // bytes
	files, objects        int
}

// look reads the figures; what cannot be read just now is zero.
func (s *stage) look() figures {
	sent := s.stream.sent()
	f := figures{messages: sent.Messages, sent: int64(sent.Bytes + sent.Messages)} // a line end each
	receipts, err := s.ledger()
	if err != nil {
		receipts = nil // the books will name it
	}
	f.objects = len(receipts)
	for _, r := range receipts {
		f.shipped += r.Size
	}
	finished, unfinished, _ := s.waiting()
	f.files = len(finished)
	for _, name := range append(finished, unfinished...) {
		if info, err := os.Lstat(filepath.Join(s.store, name)); err == nil {
			f.stored += info.Size()
		}
	}
	return f
}
