package live

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Record is one recorded message.
type Record struct {
	Event string // the name of a server-sent event; "" in a file of lines
	Data  []byte
}

// maxReplay is the largest file that is replayed: it is held in memory.
const maxReplay = 256 << 20

// readRecords reads a file of messages, one a line, or, if its name ends in
// .sse, of server-sent events.
func readRecords(path string) ([]Record, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open the messages to replay: %w", err)
	}
	if info.Size() > maxReplay {
		return nil, fmt.Errorf("%s is too large to replay: it has more than %d MiB", path, maxReplay>>20)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the messages to replay: %w", err)
	}
	records := lineRecords(content)
	if strings.HasSuffix(path, ".sse") {
		records = eventRecords(content)
	}
	if len(records) == 0 {
		return nil, errors.New(path + " has no message to replay")
	}
	return records, nil
}

func lineRecords(content []byte) (records []Record) {
	for line := range bytes.Lines(content) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			records = append(records, Record{Data: line})
		}
	}
	return records
}

// eventRecords takes events whose data is on one line, as all recorded ones
// are. Their ids are left behind: a position belongs to a server.
func eventRecords(content []byte) (records []Record) {
	var r Record
	for line := range bytes.Lines(content) {
		line = bytes.TrimRight(line, "\r\n")
		switch name, value, _ := strings.Cut(string(line), ":"); {
		case len(line) == 0:
			if len(r.Data) > 0 {
				records = append(records, r)
			}
			r = Record{}
		case name == "event":
			r.Event = strings.TrimPrefix(value, " ")
		case name == "data":
			r.Data = []byte(strings.TrimPrefix(value, " "))
		}
	}
	if len(r.Data) > 0 {
		records = append(records, r)
	}
	return records
}

// Replayed returns the recorded message in an event's place; ok is false where
// all is made up.
func (s *Server) Replayed(seq uint64) (r Record, ok bool) {
	if len(s.Recorded) == 0 {
		return Record{}, false
	}
	return s.Recorded[(seq-1)%uint64(len(s.Recorded))], true
}
