package webnode

import (
	"bytes"
	"io"
	"mime/multipart"
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

func (up *upload) progress(n int) {
	up.telling.Lock()
	defer up.telling.Unlock()
	if up.obj.Progress != nil {
		up.obj.Progress(n)
	}
}

func (n *Node) buffer() *[chunk]byte { return n.scratch.Get().(*[chunk]byte) }
