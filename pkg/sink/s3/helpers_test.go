package s3

import (
	"io"
	"testing"

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
