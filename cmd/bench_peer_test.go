//go:build unix

package cmd_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"

	"github.com/klauspost/compress/gzip"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// peerVariable makes the test binary be one of the programs that the
// benchmarks compare with, instead of testing anything.
const peerVariable = "TWITTER_STREAM_TEST_PEER"

// runPeer is the peer that the environment asks for, if it asks for one.
func runPeer() (code int, asked bool) {
	var err error
	switch os.Getenv(peerVariable) {
	case "scanner":
		err = scannerPeer(os.Args[1], os.Args[2])
	case "inflater":
		err = inflaterPeer(os.Args[1])
	case "mover":
		err = moverPeer(os.Args[1], os.Args[2], os.Args[3])
	default:
		return 0, false
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "peer:", err)
		return 1, true
	}
	return 0, true
}

// moverPeer moves a directory's files into a bucket, eight at a time. It proves
// nothing, notes nothing and tries nothing again.
func moverPeer(host, bucket, dir string) error {
	client, err := minio.New(host, &minio.Options{Creds: credentials.NewEnvAWS(), Region: "us-east-1"})
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	names, failed := make(chan string), make(chan error, 8)
	for range cap(failed) {
		go func() {
			var failure error
			for name := range names {
				path := filepath.Join(dir, name)
				_, err := client.FPutObject(context.Background(), bucket, name, path, minio.PutObjectOptions{})
				if err == nil {
					err = os.Remove(path)
				}
				failure = errors.Join(failure, err)
			}
			failed <- failure
		}()
	}
	for _, entry := range entries {
		names <- entry.Name()
	}
	close(names)
	for range cap(failed) {
		err = errors.Join(err, <-failed)
	}
	return err
}

// inflaterPeer inflates, on one processor, and does nothing else.
func inflaterPeer(url string) error {
	runtime.GOMAXPROCS(1)
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept-Encoding", "gzip") // else net/http inflates, and more slowly
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	plain, err := gzip.NewReader(bufio.NewReaderSize(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{io.Discard}, plain, make([]byte, 64<<10))
	return err
}

// scannerPeer is the loop that one writes first: a scanner, encoding/json,
// files of 1 MB. It recovers nothing, syncs nothing and reconnects never.
func scannerPeer(url, dir string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(make([]byte, 64<<10), 16<<20)
	files := &megabytes{dir: dir}
	for lines.Scan() {
		if !json.Valid(lines.Bytes()) {
			continue
		}
		if err := files.write(lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil && err != io.ErrUnexpectedEOF {
		return err
	}
	return files.close()
}

// megabytes writes lines to files of at most 1 MiB.
type megabytes struct {
	dir  string
	n    int
	size int
	file *os.File
	out  *bufio.Writer
}

func (m *megabytes) write(line []byte) error {
	if m.file != nil && m.size+len(line)+1 > 1<<20 {
		if err := m.close(); err != nil {
			return err
		}
	}
	if m.file == nil {
		m.n++
		file, err := os.Create(filepath.Join(m.dir, fmt.Sprintf("scanner-%06d.part", m.n)))
		if err != nil {
			return err
		}
		m.file, m.out, m.size = file, bufio.NewWriterSize(file, 64<<10), 0
	}
	m.size += len(line) + 1
	_, _ = m.out.Write(line) // the buffer keeps its first error
	return m.out.WriteByte('\n')
}

func (m *megabytes) close() error {
	if m.file == nil {
		return nil
	}
	file := m.file
	m.file = nil
	if err := m.out.Flush(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), file.Name()[:len(file.Name())-len("part")]+"jsonl")
}
