package webnode

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/storj/twitter-stream/pkg/sink"
)

// prove checks an answer against what was sent and returns the key, "" where
// the node does not encrypt. It may read the content once more. Its errors do
// not quote what the node calls a hash: it may be a key.
func (up *upload) prove(ctx context.Context, said answer) (key string, err error) {
	plain := hex.EncodeToString(up.obj.SHA256[:])
	own := keyFor(up.node.cfg.Passphrase, up.obj.SHA256)
	sealed := up.newest().sealed()
	ownHex := hex.EncodeToString(own)
	switch {
	case said.Key == "" && said.FileHash == plain:
		return "", nil // web-core until 2014-04-29: the hash of the file itself
	case (said.Key == "" || said.Key == ownHex) && said.FileHash == sealed:
		return ownHex, nil
	case said.Key == "" || said.Key == ownHex:
		return "", errors.New("the hash that the node names is not that of this file")
	}
	sealed, err = up.seal(ctx, said.Key)
	if err == nil && sealed != said.FileHash {
		err = errors.New("the hash that the node names is not that of this file under the key it named")
	}
	if err != nil {
		return "", err
	}
	return said.Key, nil
}

// seal reads the content again and returns the hash of its ciphertext under
// another key.
func (up *upload) seal(ctx context.Context, keyHex string) (string, error) {
	key, err := hex.DecodeString(keyHex)
	if err != nil || len(key) != 32 {
		return "", errors.New("the node named a key that is not one") // never quoted
	}
	in, out := up.node.buffer(), up.node.buffer()
	defer up.node.scratch.Put(in)
	defer up.node.scratch.Put(out)
	s, err := newSealer(key, out[:])
	if err != nil {
		return "", errors.New("the node named a key that is not one")
	}
	local, _ := sink.Local(up.obj.Content)
	content := io.NewSectionReader(local, 0, up.obj.Size)
	for {
		n, err := content.Read(in[:])
		s.Write(in[:n])
		if err == io.EOF {
			return s.sum(), nil
		}
		if err != nil {
			return "", fmt.Errorf("read again: %w", err)
		}
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		up.progress(0)
	}
}

// isHash reports whether s is 64 lower-case hex digits.
func isHash(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
