package sandbox

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
)

// defaultPassphrase is the one that nodes shipped with (file-encryptor 0.2).
const defaultPassphrase = "Something old, something new."

// objectKey derives a file's key from its content alone, so that equal files
// are equal ciphertexts: HMAC-SHA256 of the hex of its SHA-256 (convergent
// encryption, file-encryptor 0.2).
func objectKey(passphrase string, plain [sha256.Size]byte) []byte {
	mac := hmac.New(sha256.New, []byte(passphrase))
	mac.Write([]byte(hex.EncodeToString(plain[:])))
	return mac.Sum(nil)
}

// keyStream is AES-256 in counter mode, the counter starting at one. Applied
// twice it is nothing: encryption and decryption are the same.
func keyStream(key []byte) (cipher.Stream, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	start := make([]byte, aes.BlockSize)
	start[aes.BlockSize-1] = 1
	return cipher.NewCTR(block, start), nil
}

// readWriterAt is a file.
type readWriterAt interface {
	io.ReaderAt
	io.WriterAt
}

// encryptInPlace replaces a file's content by its ciphertext, so that a big
// one needs neither memory nor disk twice, and returns the ciphertext's hash.
func encryptInPlace(f readWriterAt, size int64, key []byte) ([sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	stream, err := keyStream(key)
	if err != nil {
		return sum, err
	}
	h := sha256.New()
	buf := make([]byte, 256<<10)
	for at := int64(0); at < size; {
		p := buf[:min(int64(len(buf)), size-at)]
		if _, err := f.ReadAt(p, at); err != nil {
			return sum, err
		}
		stream.XORKeyStream(p, p)
		h.Write(p)
		if _, err := f.WriteAt(p, at); err != nil {
			return sum, err
		}
		at += int64(len(p))
	}
	return sumOf(h), nil
}

func sumOf(h hash.Hash) (sum [sha256.Size]byte) {
	h.Sum(sum[:0])
	return sum
}

// Decrypt decrypts b in place by a key as a receipt has it (hex), or leaves it
// where key is "", as in the era before encryption.
func Decrypt(key string, b []byte) error {
	if key == "" {
		return nil
	}
	k, err := hex.DecodeString(key)
	if err != nil {
		return errors.New("decrypt: the key is not hexadecimal")
	}
	stream, err := keyStream(k)
	if err != nil {
		return fmt.Errorf("decrypt: %w", err)
	}
	stream.XORKeyStream(b, b)
	return nil
}
