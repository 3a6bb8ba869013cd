package demo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

// takeStock fetches everything back and compares it with what was sent.
func (s *stage) takeStock(ctx context.Context) (*books, error) {
	b := &books{title: s.stream.total(), sent: s.stream.sent()}
	t := &tally{message: s.stream.message, number: s.stream.number, found: map[uint64]bool{}, books: b}
	receipts, err := s.ledger()
	if err != nil {
		return nil, err
	}
	if err := s.fetchAll(ctx, t, receipts); err != nil {
		return nil, err
	}
	finished, unfinished, err := s.waiting()
	if err != nil {
		return nil, err
	}
	for _, name := range append(finished, unfinished...) {
		content, err := os.ReadFile(filepath.Join(s.store, name))
		if err != nil {
			return nil, err
		}
		b.inStore += t.count(content, "store/"+name)
	}
	rejected, err := s.rejected()
	if err != nil {
		return nil, err
	}
	for _, name := range rejected {
		b.wrong = append(b.wrong, "set aside: rejected/"+name)
	}
	s.stream.settle(t, s.kills)
	return b, nil
}

// fetchAll fetches what the ledger says the node has, and compares both ways.
func (s *stage) fetchAll(ctx context.Context, t *tally, receipts []receipt) error {
	client := &http.Client{Timeout: time.Minute, Transport: &http.Transport{Proxy: nil}}
	defer client.CloseIdleConnections()
	had := map[string]bool{}
	for _, r := range receipts {
		if had[r.FileHash] {
			t.books.wrong = append(t.books.wrong, "two receipts for "+r.Name)
			continue
		}
		had[r.FileHash] = true
		content, err := fetch(ctx, client, s.node.URL(), r)
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			t.books.wrong = append(t.books.wrong, fmt.Sprintf("fetch %s back: %v", r.Name, err))
			continue
		}
		t.books.objects++
		t.books.fetched += int64(len(content))
		t.books.onNode += t.count(content, r.Name)
	}
	for _, o := range s.node.Objects() {
		if !had[o.FileHash] {
			t.books.wrong = append(t.books.wrong, "the node has "+o.Name+", the ledger has no receipt for it")
		}
	}
	return nil
}

// fetch gets an object's ciphertext, checks it, decrypts it here by the key of
// the receipt (which therefore never travels) and checks that.
func fetch(ctx context.Context, client *http.Client, node string, r receipt) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, node+"/api/download/"+r.FileHash, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK:
		return nil, errors.New(resp.Status)
	case hash(content) != r.FileHash:
		return nil, errors.New("the node's bytes do not have the hash it gave")
	}
	if err := sandbox.Decrypt(r.Key, content); err != nil {
		return nil, err
	}
	if hash(content) != r.SHA256 || int64(len(content)) != r.Size {
		return nil, errors.New("decrypted, it is not the file that was captured")
	}
	return content, nil
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
