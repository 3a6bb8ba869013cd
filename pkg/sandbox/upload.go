package sandbox

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// received is one request for an upload, read whole.
type received struct {
	file   *os.File // plaintext, under a temporary name; nil: there was no file part
	name   string   // as sent
	size   int64
	sum    [sha256.Size]byte
	token  string
	tokens int
}

func (rc *received) discard() {
	if rc.file != nil {
		rc.file.Close()
		os.Remove(rc.file.Name())
	}
}

// upload answers POST /api/upload.
func (n *Node) upload(w http.ResponseWriter, r *http.Request) {
	up := Upload{Time: time.Now()}
	rec := &wire.Recorder{ResponseWriter: w}
	n.begin()
	defer func() { // also when a fault aborts the answer
		up.Status = rec.Status
		n.end(up)
	}()
	if fault, done := n.early(rec, r); done {
		up.Fault = fault
		return
	}
	switch {
	case r.ContentLength < 0:
		flaskPage(rec, http.StatusLengthRequired)
		return
	case n.cfg.MaxContent > 0 && r.ContentLength > n.cfg.MaxContent:
		flaskPage(rec, http.StatusRequestEntityTooLarge)
		return
	}
	rc, collided, err := n.receive(r)
	defer rc.discard()
	up.Name, up.Size = rc.name, rc.size
	if err != nil {
		flaskPage(rec, http.StatusBadRequest)
		return
	}
	up.SHA256 = hex.EncodeToString(rc.sum[:])
	if !n.acceptable(rec, rc, collided) {
		return
	}
	if up.Fault = n.late(rec, r, rc); up.Fault != "" {
		return
	}
	key, hash, err := n.keep(rc)
	if err != nil {
		wire.AnswerJSON(rec, http.StatusInternalServerError, map[string]string{"error": "upload-error"})
		return
	}
	up.FileHash = hash
	answerUpload(rec, hash, key)
}

// begin and end bracket an upload.
func (n *Node) begin() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inFlight++
}

func (n *Node) end(up Upload) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inFlight--
	n.uploads = append(n.uploads, up)
}

func answerUpload(w http.ResponseWriter, hash, key string) {
	answer := map[string]string{"filehash": hash}
	if key != "" {
		answer["key"] = key
	}
	wire.AnswerJSON(w, http.StatusCreated, answer)
}

// acceptable answers what a node refuses of itself; true: go on.
func (n *Node) acceptable(w http.ResponseWriter, rc *received, collided bool) bool {
	switch {
	case rc.file == nil:
		flaskPage(w, http.StatusBadRequest)
	case collided, safeName(rc.name) == "":
		flaskPage(w, http.StatusInternalServerError)
	case n.cfg.Token != "" && rc.tokens == 0:
		flaskPage(w, http.StatusInternalServerError) // not 402: the node's own fault
	case n.cfg.Token != "" && rc.token != n.cfg.Token:
		wire.AnswerJSON(w, http.StatusPaymentRequired, map[string]string{"error": "balance-insufficient"})
	default:
		return true
	}
	return false
}

// receive reads the multipart body, the file part to a temporary file.
// collided: another upload of the same name was under way.
func (n *Node) receive(r *http.Request) (rc *received, collided bool, err error) {
	rc = &received{}
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" {
		return rc, false, errors.New("not multipart/form-data")
	}
	reader := multipart.NewReader(n.slowed(r.Body), params["boundary"])
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return rc, collided, nil
		}
		if err != nil {
			return rc, collided, err
		}
		switch {
		case part.FormName() == "file" && rc.file == nil:
			_, disposition, _ := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
			rc.name = disposition["filename"] // FileName would strip what a client must not send
			collided, err = n.occupy(safeName(rc.name), func() error { return n.spool(rc, part) })
		case part.FormName() == "token":
			var b []byte
			b, err = io.ReadAll(io.LimitReader(part, 64<<10))
			rc.token, rc.tokens = string(b), rc.tokens+1
		}
		if err != nil {
			return rc, collided, err
		}
	}
}

// occupant is a name that uploads in flight have.
type occupant struct {
	uploads  int
	collided bool
}

// occupy runs read while name counts as in flight. A real node saves both of
// two uploads of one name under one temporary path.
func (n *Node) occupy(name string, read func() error) (collided bool, err error) {
	n.mu.Lock()
	o := n.names[name]
	if o == nil {
		o = &occupant{}
		n.names[name] = o
	}
	if o.uploads++; o.uploads > 1 {
		o.collided = true
		n.collisions++
	}
	n.mu.Unlock()
	err = read()
	n.mu.Lock()
	defer n.mu.Unlock()
	if o.uploads--; o.uploads == 0 {
		delete(n.names, name)
	}
	return o.collided, err
}

// spool writes a part to a temporary file and hashes it.
func (n *Node) spool(rc *received, part io.Reader) error {
	f, err := os.CreateTemp(n.cfg.Dir, ".incoming-")
	if err != nil {
		return err
	}
	rc.file = f
	h := sha256.New()
	rc.size, err = io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(f, h)}, part, make([]byte, 256<<10))
	rc.sum = sumOf(h)
	return err
}

// keep encrypts what was received and stores it under its hash. The first
// upload's record stands; a repeat gets the same answer.
func (n *Node) keep(rc *received) (key, hash string, err error) {
	sum := rc.sum
	if _, plain := n.faults.Take("plain-era"); !plain {
		passphrase := n.cfg.Passphrase
		if other, on := n.faults.Take("other-passphrase"); on {
			passphrase = other + " (other)"
		}
		k := objectKey(passphrase, rc.sum)
		if sum, err = encryptInPlace(rc.file, rc.size, k); err != nil {
			return "", "", fmt.Errorf("encrypt: %w", err)
		}
		key = hex.EncodeToString(k)
	}
	hash = hex.EncodeToString(sum[:])
	n.mu.Lock()
	defer n.mu.Unlock()
	if o, ok := n.objects[hash]; ok {
		o.Times++
		return o.Key, hash, nil
	}
	path := rc.file.Name()
	rc.file.Close()
	rc.file = nil
	if err := os.Rename(path, filepath.Join(n.cfg.Dir, hash)); err != nil {
		return "", "", err
	}
	n.objects[hash] = &Object{FileHash: hash, Name: rc.name, Size: rc.size, SHA256: hex.EncodeToString(rc.sum[:]),
		Key: key, Times: 1, Since: time.Now()}
	n.order = append(n.order, hash)
	return key, hash, nil
}

// safeName is what werkzeug's secure_filename leaves of a name.
func safeName(name string) string {
	name = strings.NewReplacer("/", " ", "\\", " ").Replace(name)
	name = strings.Join(strings.Fields(name), "_")
	var b strings.Builder
	for _, c := range []byte(name) {
		if '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || strings.IndexByte("_.-", c) >= 0 {
			b.WriteByte(c)
		}
	}
	return strings.Trim(b.String(), "._")
}

// randomHash is a hash of nothing.
func randomHash() string {
	var b [sha256.Size]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
