//go:build linux

package cmd_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
)

// hashingNode is a node as cheap as can be: it hashes what comes and answers
// as nodes did before they encrypted.
type hashingNode struct {
	url   string
	files atomic.Int64
}

func startHashingNode(b *testing.B) *hashingNode {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	n := &hashingNode{url: "http://" + listener.Addr().String() + "/api/upload"}
	server := &http.Server{Handler: http.HandlerFunc(n.take)}
	ended := make(chan struct{})
	go func() {
		_ = server.Serve(listener) // until Close
		close(ended)
	}()
	b.Cleanup(func() {
		_ = server.Close() // no client is left
		<-ended
	})
	return n
}

func (n *hashingNode) take(w http.ResponseWriter, r *http.Request) {
	form, err := r.MultipartReader()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	part, err := form.NextPart()
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	hash := sha256.New()
	if _, err := io.CopyBuffer(hash, part, make([]byte, 128<<10)); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = io.Copy(io.Discard, r.Body) // the end of the form
	n.files.Add(1)
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, "{\"filehash\":%q}\n", hex.EncodeToString(hash.Sum(nil)))
}
