package webnode

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
)

// defaultPassphrase is web-core's own (Storj/web-core, README and config).
const defaultPassphrase = "Something old, something new."

// chunk is how much is hashed, encrypted or copied at a time, in bytes.
const chunk = 32 << 10

// keyFor derives the convergent key of a content (Storj/file-encryptor):
// HMAC-SHA256, keyed by the passphrase, of the lower-case hex of its SHA-256.
func keyFor(passphrase string, plain [sha256.Size]byte) []byte {
	mac := hmac.New(sha256.New, []byte(passphrase))
	mac.Write([]byte(hex.EncodeToString(plain[:])))
	return mac.Sum(nil)
}

// sealer hashes the ciphertext of what is written to it. web-core encrypts by
// AES-256 in counter mode with a 128-bit big-endian counter that starts at one
// (Storj/file-encryptor; pycrypto, Counter).
type sealer struct {
	stream  cipher.Stream
	hash    hash.Hash
	scratch []byte
}

// newSealer fails only for a key of a wrong length.
func newSealer(key, scratch []byte) (*sealer, error) {
	stream, err := keyStream(key)
	if err != nil {
		return nil, err
	}
	return &sealer{stream: stream, hash: sha256.New(), scratch: scratch}, nil
}

// keyStream enciphers and deciphers.
func keyStream(key []byte) (cipher.Stream, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	first := [aes.BlockSize]byte{aes.BlockSize - 1: 1}
	return cipher.NewCTR(block, first[:]), nil
}

func (s *sealer) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		n := min(len(rest), len(s.scratch))
		s.stream.XORKeyStream(s.scratch[:n], rest[:n])
		s.hash.Write(s.scratch[:n])
		rest = rest[n:]
	}
	return len(p), nil
}

// sum returns the hash of the ciphertext so far as lower-case hex.
func (s *sealer) sum() string { return hex.EncodeToString(s.hash.Sum(nil)) }
