package webnode

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"strings"
	"sync"

	"github.com/storj/twitter-stream/pkg/sink"
)

// upload is one try to put one object: the form around the content, and the
// bodies that were handed to the transport.
type upload struct {
	node        *Node
	obj         sink.Object
	contentType string
	head, tail  []byte

	telling sync.Mutex // one call of Progress at a time

	mu   sync.Mutex
	last *body // the newest; older ones are closed
}

// newUpload builds the form: the token first, so that a node that wants one
// sees it before the file.
func newUpload(n *Node, obj sink.Object) (*upload, error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if n.cfg.Token != "" {
		if err := w.WriteField("token", n.cfg.Token); err != nil {
			return nil, err
		}
	}
	if _, err := w.CreateFormFile("file", sink.SafeName(obj.Name)); err != nil {
		return nil, err
	}
	head := form.Len()
	if err := w.Close(); err != nil {
		return nil, err
	}
	return &upload{
		node: n, obj: obj, contentType: w.FormDataContentType(),
		head: form.Bytes()[:head], tail: form.Bytes()[head:],
	}, nil
}

// length of the whole form in bytes.
func (up *upload) length() int64 { return int64(len(up.head)+len(up.tail)) + up.obj.Size }

// open returns a body that starts at the first byte; an earlier one is closed.
func (up *upload) open() (io.ReadCloser, error) {
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.last != nil {
		up.last.rewind()
	}
	b, err := newBody(up)
	if err != nil {
		return nil, err
	}
	up.last = b
	return b, nil
}

// close makes sure that nobody reads the content any more: the transport may
// still be sending when the answer has come.
func (up *upload) close() {
	up.mu.Lock()
	defer up.mu.Unlock()
	if up.last != nil {
		up.last.release()
	}
}

// broken tells the body that its bytes reach nobody any more.
func (up *upload) broken() { up.newest().giveUp() }

func (up *upload) newest() *body {
	up.mu.Lock()
	defer up.mu.Unlock()
	return up.last
}

// sent reports whether the whole form has been handed to the transport.
func (up *upload) sent() bool { return up.newest().state() == whole }

// fault returns what was wrong with the content, if anything.
func (up *upload) fault() error {
	b := up.newest()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fault
}

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
	content := io.NewSectionReader(up.obj.Content, 0, up.obj.Size)
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

func (up *upload) progress(n int) {
	up.telling.Lock()
	defer up.telling.Unlock()
	if up.obj.Progress != nil {
		up.obj.Progress(n)
	}
}

func (n *Node) buffer() *[chunk]byte { return n.scratch.Get().(*[chunk]byte) }

// isHash reports whether s is 64 lower-case hex digits.
func isHash(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
