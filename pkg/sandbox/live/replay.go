package live

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/storj/twitter-stream/pkg/sandbox/recorded"
)

// Record is one recorded message.
type Record struct {
	Event string // the name of a server-sent event; "" in a file of lines
	Data  []byte
}

const (
	// maxReplay is the largest file that is replayed, in bytes: it is held in
	// memory while it is sent.
	maxReplay = 256 << 20
	// held is how many files are: connections read on in the one in which they
	// are, and most of them at the same place.
	held = 4
)

// recording is recorded messages, of one file or of many, by their numbers from
// 0. Its methods may be called from any goroutine.
type recording struct {
	files []string
	ends  []uint64 // of each, the number of the message behind its last

	mu    sync.Mutex // guards cache
	cache []heldFile // the last that was used first
}

type heldFile struct {
	index   int
	records []Record
}

// openRecording reads all files once, to count their messages.
func openRecording(path string) (*recording, error) {
	files, err := recorded.Files(path)
	if err != nil {
		return nil, err
	}
	r := &recording{}
	n := uint64(0)
	for _, file := range files {
		records, err := readRecords(file)
		if err != nil {
			return nil, err
		}
		if len(records) == 0 {
			continue
		}
		n += uint64(len(records))
		r.files, r.ends = append(r.files, file), append(r.ends, n)
		r.cache = []heldFile{{len(r.files) - 1, records}}
	}
	if n == 0 {
		return nil, errors.New(path + " has no message to replay")
	}
	return r, nil
}

// at returns a message; behind the last comes the first.
func (r *recording) at(n uint64) (Record, error) {
	n %= r.ends[len(r.ends)-1]
	index, _ := slices.BinarySearch(r.ends, n+1)
	if index > 0 {
		n -= r.ends[index-1]
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.cache, func(h heldFile) bool { return h.index == index })
	if i < 0 {
		records, err := readRecords(r.files[index])
		if err != nil {
			return Record{}, err
		}
		r.cache = append(r.cache[:min(len(r.cache), held-1)], heldFile{index, records})
		i = len(r.cache) - 1
	}
	if i > 0 {
		h := r.cache[i]
		r.cache = slices.Insert(slices.Delete(r.cache, i, i+1), 0, h)
	}
	if records := r.cache[0].records; n < uint64(len(records)) {
		return records[n], nil
	}
	return Record{}, errors.New(r.files[index] + " has become shorter")
}

// readRecords reads a file of messages, one a line, or, if its name ends in
// .sse, of server-sent events.
func readRecords(path string) ([]Record, error) {
	file, err := recorded.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // only read
	content, err := io.ReadAll(io.LimitReader(file, maxReplay+1))
	if err != nil {
		return nil, fmt.Errorf("read the messages to replay: %s: %w", path, err)
	}
	if len(content) > maxReplay {
		return nil, fmt.Errorf("%s is too large to replay: it has more than %d MiB; a directory of smaller files may be of any size", path, maxReplay>>20)
	}
	if strings.HasSuffix(recorded.Plain(path), ".sse") {
		return eventRecords(content), nil
	}
	return lineRecords(content), nil
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
	if s.recorded == nil {
		return Record{}, false
	}
	r, err := s.recorded.at(seq - 1)
	if err != nil { // it was there when the server began
		r = Record{Data: fmt.Appendf(nil, `{"replay":%q}`, err.Error())}
	}
	return r, true
}
