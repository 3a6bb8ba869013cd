package sinktest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
)

func (n *WebNode) lie(kind Lie, content []byte, truth map[string]string) string {
	other, otherHash, _ := seal("another passphrase", []byte("another content"))
	switch kind {
	case LieHash:
		truth["filehash"] = otherHash
	case LieKey:
		truth["key"] = other
	case LieEmpty:
		return "{}"
	case LieGarbage:
		return "<html>Created</html>"
	case LieShort:
		key, hash, _ := seal(n.Passphrase, content[:max(0, len(content)-1)])
		if len(content) == 0 {
			hash = otherHash
		}
		truth = map[string]string{"filehash": hash, "key": key}
	case LieNothing:
		return ""
	}
	text, _ := json.Marshal(truth) // a map of strings always marshals
	return string(text)
}

// seal encrypts as web-core does and returns the key, the ciphertext's hash and
// the ciphertext.
func seal(passphrase string, content []byte) (key, hash string, sealed []byte) {
	sum := sha256.Sum256(content)
	mac := hmac.New(sha256.New, []byte(passphrase))
	fmt.Fprintf(mac, "%x", sum)
	k := mac.Sum(nil)
	block, err := aes.NewCipher(k)
	if err != nil {
		panic(err) // the key's length is fixed
	}
	counter := make([]byte, 16)
	counter[15] = 1
	sealed = make([]byte, len(content))
	cipher.NewCTR(block, counter).XORKeyStream(sealed, content)
	return hex.EncodeToString(k), fmt.Sprintf("%x", sha256.Sum256(sealed)), sealed
}

func refuse(w http.ResponseWriter, fault Fault) {
	for name, value := range fault.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(fault.Status)
	io.WriteString(w, fault.Body)
}

// reset ends the connection the hard way, as a process that dies does; what
// was answered before is sent first.
func reset(w http.ResponseWriter) {
	http.NewResponseController(w).Flush()
	drop(w)
}

// drop is reset without a word of an answer.
func drop(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}
