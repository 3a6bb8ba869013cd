package jetstream

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/klauspost/compress/dict"
	"github.com/klauspost/compress/zstd"

	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// dictionaryID is not the real one's: a client that believes it had that one
// would be wrong.
const dictionaryID = 20260811

const (
	dictionaryBytes = 32 << 10
	window          = 128 << 10 // as the real one's
	samples         = 400
)

// packer compresses events.
type packer struct {
	dictionary []byte // in zstd's format
	encoder    *zstd.Encoder
}

// newPacker trains a dictionary on what this server sends.
func (s *Server) newPacker() (p packer, err error) {
	var events [][]byte
	for seq := uint64(1); seq <= samples; seq++ {
		events = append(events, s.Message(seq))
	}
	p.dictionary, err = dict.BuildZstdDict(events, dict.Options{MaxDictSize: dictionaryBytes, HashBytes: 6, ZstdDictID: dictionaryID, ZstdLevel: zstd.SpeedFastest})
	if err != nil {
		return packer{}, fmt.Errorf("train a dictionary: %w", err)
	}
	p.encoder, err = zstd.NewWriter(nil, zstd.WithEncoderDict(p.dictionary), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(window), zstd.WithEncoderCRC(false))
	return p, err
}

// Dictionary is what compressed events are made with, in zstd's format.
func (s *Server) Dictionary() ([]byte, error) {
	p, err := s.packer()
	return p.dictionary, err
}

// offer gives the dictionary away.
func (s *Server) offer(w http.ResponseWriter, r *http.Request) {
	if _, on := s.Faults.Take("no-dictionary"); on {
		http.NotFound(w, r)
		return
	}
	if id := r.URL.Query().Get("id"); id != "" && id != strconv.Itoa(dictionaryID) {
		wire.AnswerJSON(w, http.StatusBadRequest, map[string]string{"error": "UnknownZstdDictionary", "message": "there is no dictionary " + id})
		return
	}
	dictionary, err := s.Dictionary()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("X-Zstd-Dictionary-Id", strconv.Itoa(dictionaryID))
	w.Write(dictionary)
}
