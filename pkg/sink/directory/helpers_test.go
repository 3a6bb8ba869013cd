package directory

import (
	"encoding/hex"
	"errors"
	"os"
	"testing"

	"github.com/storj/twitter-stream/pkg/sink"
)

func hash(text string) (sum [32]byte) {
	b, err := hex.DecodeString(text)
	if err == nil {
		copy(sum[:], b)
	}
	return sum
}

// memory is a Memory of a test.
type memory struct {
	id  string
	err error
}

func (m *memory) Recall() (string, error) { return m.id, m.err }

func (m *memory) Remember(id string) error {
	if m.err == nil {
		m.id = id
	}
	return m.err
}

// listing returns the names in a directory.
func listing(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

// wants fails unless err is a *sink.Error of the kind.
func wants(t testing.TB, what string, err error, kind sink.Kind) *sink.Error {
	t.Helper()
	var e *sink.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Fatalf("%s: %v (%T), want a *sink.Error of kind %v", what, err, err, kind)
	}
	return e
}
