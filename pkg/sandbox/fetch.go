package sandbox

import (
	"crypto/cipher"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// download answers GET /api/download/<hash>[?key=].
func (n *Node) download(w http.ResponseWriter, r *http.Request) {
	hash := r.PathValue("hash")
	o, ok := n.object(hash)
	if !ok {
		wire.AnswerJSON(w, http.StatusNotFound, map[string]string{"error": "file-not-found"})
		return
	}
	f, stream, err := n.open(hash, r.URL.Query().Get("key"))
	if err != nil {
		wire.AnswerJSON(w, http.StatusInternalServerError, map[string]string{"error": "error-downloading-file"})
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+storedName(o)+`"`)
	w.Header().Set("Content-Length", strconv.FormatInt(o.Size, 10))
	var body io.Reader = f
	if stream != nil {
		body = cipher.StreamReader{S: stream, R: f}
	}
	_, _ = io.Copy(w, body) // an error is the client's: it has gone
}

func (n *Node) object(hash string) (Object, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	o, ok := n.objects[hash]
	if !ok {
		return Object{}, false
	}
	return *o, true
}

// storedName is the node's own name for an object.
func storedName(o Object) string { return o.FileHash[:7] + "_" + safeName(o.Name) }

// find answers GET /api/find/<hash>. As on a real node, an upload is unknown
// here until the background sync has been round.
func (n *Node) find(w http.ResponseWriter, r *http.Request) {
	o, ok := n.object(r.PathValue("hash"))
	if !ok || time.Since(o.Since) < n.cfg.FindDelay {
		wire.AnswerJSON(w, http.StatusNotFound, map[string]string{"error": "File not found"})
		return
	}
	wire.AnswerJSON(w, http.StatusOK, map[string]any{
		"datetime": strconv.FormatInt(o.Since.Unix(), 10), "filehash": o.FileHash, "filename": storedName(o),
		"filesize": o.Size, "uploads": []any{}, "version": "0.2",
	})
}

// status answers GET /api/status.
func (n *Node) status(w http.ResponseWriter, _ *http.Request) {
	var used, queued int64
	for _, o := range n.Objects() {
		used += o.Size
		if time.Since(o.Since) < n.cfg.FindDelay {
			queued += o.Size
		}
	}
	queue := map[string]int64{"count": 0, "size": queued}
	wire.AnswerJSON(w, http.StatusOK, map[string]any{
		"bandwidth": map[string]any{
			"total": map[string]int64{"incoming": used, "outgoing": 0}, "current": map[string]int64{"incoming": used, "outgoing": 0},
			"limits": map[string]any{"incoming": nil, "outgoing": nil},
		},
		"storage":    map[string]int64{"capacity": n.cfg.MaxContent, "used": used, "max_file_size": 5 << 20},
		"sync":       map[string]any{"cloud_queue": queue, "blockchain_queue": map[string]int64{"count": 0, "size": 0}},
		"metachains": map[string]any{"coin": "florincoin", "address": "sandbox", "block": 0},
	})
}
