package s3

import (
	"errors"
	"io"
	"testing"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/storj/twitter-stream/pkg/sink"
)

func readAll(t testing.TB, b *Bucket, ref sink.Ref) ([]byte, error) {
	t.Helper()
	body, err := b.Open(t.Context(), ref)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// silent is a service that hands out no keys.
type silent struct{ asked *int }

func (s silent) Retrieve() (credentials.Value, error) { return s.RetrieveWithCredContext(nil) }
func (s silent) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	*s.asked++
	return credentials.Value{}, errors.New("nobody answers")
}
func (s silent) IsExpired() bool { return true }
