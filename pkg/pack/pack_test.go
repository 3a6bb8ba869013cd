package pack

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// tweets are recorded messages where there are any, else made-up ones.
func tweets(t testing.TB) []byte {
	t.Helper()
	dir := os.Getenv("TWITTER_STREAM_TEST_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	data, err := os.ReadFile(filepath.Join(dir, "tweets-v11.jsonl"))
	if err != nil {
		t.Log("made-up messages: ", err)
		for i := range 3000 {
			data = fmt.Appendf(data, `{"id":%d,"text":"%x","user":{"name":"somebody","followers_count":%d}}`+"\n", i, rand.Uint64(), i%97)
		}
	}
	return data
}

func packed(t testing.TB, method Method, level int, content []byte) []byte {
	t.Helper()
	p, err := New(method, level)
	if err != nil {
		t.Fatal(err)
	}
	var to bytes.Buffer
	if err := p.Pack(&to, bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	return to.Bytes()
}

func inflate(method Method, data []byte) ([]byte, error) {
	r, err := Open(method, bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer r.Close() //nolint:errcheck // it frees memory alone
	var to bytes.Buffer
	_, err = io.Copy(&to, r) // by whatever way the reader offers
	return to.Bytes(), err
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	all := tweets(t)
	for _, content := range [][]byte{all[:1], all[:100_000], all[:min(len(all), window+1000)]} {
		for _, method := range []Method{Gzip, Zstd} {
			for _, level := range []int{0, 1, 9} {
				if level > 0 && len(content) > window { // the race detector makes it dear
					continue
				}
				data := packed(t, method, level, content)
				got, err := inflate(method, data)
				if err != nil || !bytes.Equal(got, content) {
					t.Errorf("%s:%d of %d bytes: %d come back, %v", method, level, len(content), len(got), err)
				}
				if len(content) > 1 && len(data) > len(content)/2 {
					t.Errorf("%s:%d: %d bytes become %d", method, level, len(content), len(data))
				}
			}
		}
	}
}

// A packer is used for many files, also after one that could not be written.
func TestPackerIsUsedAgain(t *testing.T) {
	t.Parallel()
	content := tweets(t)[:100_000:100_000]
	for _, method := range Methods() {
		p, err := New(method, 0)
		if err != nil {
			t.Fatal(err)
		}
		full := errors.New("no room")
		if err := p.Pack(refusing{full}, bytes.NewReader(content)); !errors.Is(err, full) {
			t.Errorf("%s to a full disk: %v", method, err)
		}
		if err := p.Pack(io.Discard, iotest.ErrReader(full)); !errors.Is(err, full) {
			t.Errorf("%s of what cannot be read: %v", method, err)
		}
		var to bytes.Buffer
		if err := p.Pack(&to, bytes.NewReader(content)); err != nil || !bytes.Equal(to.Bytes(), packed(t, method, 0, content)) {
			t.Errorf("%s after an error: %d bytes, %v", method, to.Len(), err)
		}
		for _, data := range [][]byte{to.Bytes(), to.Bytes()[:100], {}, to.Bytes()} {
			r, err := p.Inflate(bytes.NewReader(data))
			var got []byte
			if err == nil {
				got, err = io.ReadAll(r)
			}
			if whole := len(data) == to.Len(); whole != (err == nil) || whole && !bytes.Equal(got, content) {
				t.Errorf("%s: Inflate of %d bytes: %d, %v", method, len(data), len(got), err)
			}
		}
	}
}

type refusing struct{ error }

func (r refusing) Write([]byte) (int, error) { return 0, r.error }

// What is not whole, or was changed, never passes: for each length and each
// byte.
func TestDamageIsSeen(t *testing.T) {
	t.Parallel()
	content := []byte(strings.Repeat(`{"seq":1,"text":"x y"}`+"\n", 20))
	for _, method := range Methods() {
		data := packed(t, method, 0, content)
		for n := range data {
			got, err := inflate(method, data[:n])
			if err == nil {
				t.Errorf("%s: %d of %d bytes pass for whole", method, n, len(data))
			}
			if !bytes.HasPrefix(content, got) {
				t.Errorf("%s: %d of %d bytes inflate to what never was", method, n, len(data))
			}
			changed := bytes.Clone(data)
			changed[n] ^= 0x10
			if got, err := inflate(method, changed); err == nil && !bytes.Equal(got, content) {
				t.Errorf("%s: a changed byte %d is not seen", method, n)
			}
		}
		if _, err := inflate(method, append(bytes.Clone(data), "more"...)); err == nil {
			t.Errorf("%s: what follows the end is not seen", method)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Method{
		"a.jsonl": None, "a.jsonl.gz": Gzip, "a.jsonl.zst": Zstd, "": None, "zst": None, "a.zst.damaged": None,
	} {
		if got := Of(name); got != want {
			t.Errorf("Of(%q) = %q, want %q", name, got, want)
		}
		if want != None && !strings.HasSuffix(name, want.Suffix()) {
			t.Errorf("%q does not end in %q", name, want.Suffix())
		}
	}
	for _, bad := range []struct {
		method Method
		level  int
	}{{None, 0}, {"lz4", 0}, {Gzip, 10}, {Gzip, -9}} {
		if _, err := New(bad.method, bad.level); err == nil {
			t.Errorf("New(%q, %d) is taken", bad.method, bad.level)
		}
	}
	if _, err := Open("lz4", strings.NewReader("")); err == nil {
		t.Error("Open takes any method")
	}
}

// BenchmarkPack shows what a level costs and gains on files of 1 MiB: CPU
// seconds a GB to pack and to prove (inflate), and the size that is left.
func BenchmarkPack(b *testing.B) {
	content := tweets(b)
	for _, c := range []struct {
		method Method
		level  int
	}{{Gzip, 1}, {Gzip, 6}, {Gzip, 9}, {Zstd, 1}, {Zstd, 3}, {Zstd, 7}, {Zstd, 19}} {
		b.Run(fmt.Sprintf("%s:%d", c.method, c.level), func(b *testing.B) {
			p, err := New(c.method, c.level)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(1 << 20)
			var to bytes.Buffer
			var in, out int64
			var proving time.Duration
			for i := 0; b.Loop(); i++ {
				off := i * (1 << 20) % max(1, len(content)-1<<20)
				file := content[off:min(len(content), off+1<<20)]
				to.Reset()
				if err := p.Pack(&to, bytes.NewReader(file)); err != nil {
					b.Fatal(err)
				}
				in, out = in+int64(len(file)), out+int64(to.Len())
				began := time.Now()
				r, err := p.Inflate(&to)
				if err != nil {
					b.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, r); n != int64(len(file)) || err != nil {
					b.Fatal(n, err)
				}
				proving += time.Since(began)
			}
			b.ReportMetric((b.Elapsed()-proving).Seconds()/float64(in)*1e9, "pack-s/GB")
			b.ReportMetric(proving.Seconds()/float64(in)*1e9, "prove-s/GB")
			b.ReportMetric(float64(out)/float64(in)*100, "size-%")
		})
	}
}
