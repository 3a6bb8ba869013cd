package webnode

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/sinktest"
)

func TestKeyAndHash(t *testing.T) {
	t.Parallel()
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	// Computed with OpenSSL.
	tests := []struct{ in, key, hash string }{
		{"Superstar!\n", "0372c3a52ffa439556db30e6a2a6cd7bae4fb498bd58996919a61bdac831fe3f", "c508708d7a8a0db90e92f15510ee3ef488bd67a8e6982489e0d27bd0bcaf7741"},
		{"hello world", "3130cb723698a4ed3b0e078f511b05ae5c6153b16f6c33a323bfa868026399d9", "7037d181b77e02dc377f9f0fabcac594f7339d37c16a946c322372434f40fe18"},
		{strings.Repeat(string(all), 80), "79293edcbe2a1a58c026bf7d7022f74c05d482f596e1445907f9c6a045e44909", "5e20625309eb16f9315b291de02004bab42aef32df1d59f899f377ffb6b3b392"},
	}
	for _, tt := range tests {
		key := keyFor(defaultPassphrase, sha256.Sum256([]byte(tt.in)))
		if got := hex.EncodeToString(key); got != tt.key {
			t.Errorf("key for %.12q = %s, want %s", tt.in, got, tt.key)
		}
		for _, piece := range []int{1, 7, 16, 4096} {
			s, err := newSealer(key, make([]byte, 33))
			if err != nil {
				t.Fatal(err)
			}
			for rest := []byte(tt.in); len(rest) > 0; rest = rest[min(piece, len(rest)):] {
				s.Write(rest[:min(piece, len(rest))])
			}
			if got := s.sum(); got != tt.hash {
				t.Errorf("hash of the ciphertext of %.12q, %d bytes at a time = %s, want %s", tt.in, piece, got, tt.hash)
			}
		}
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		body   string
		want   sink.Kind
	}{
		{300, "", sink.Misdirected}, {301, "", sink.Misdirected}, {302, "", sink.Misdirected}, {304, "", sink.Misdirected}, {308, "", sink.Misdirected},
		{400, "Bad Request", sink.Permanent}, {413, "", sink.Permanent},
		{401, "", sink.Credentials}, {403, "", sink.Credentials},
		{402, `{"error":"balance-insufficient"}`, sink.Pause},
		{500, "upload-error", sink.Pause}, {500, "Upload failed", sink.Pause}, {507, "", sink.Pause},
		{500, "", sink.Temporary}, {500, "Internal Server Error", sink.Temporary},
		{404, "", sink.Misdirected}, {405, "", sink.Misdirected}, {406, "", sink.Misdirected}, {410, "", sink.Misdirected},
		{415, "", sink.Misdirected}, {416, "", sink.Misdirected}, {501, "", sink.Misdirected},
		{408, "", sink.Temporary}, {425, "", sink.Temporary}, {429, "", sink.Temporary},
		{502, "upload-error", sink.Temporary}, {503, "", sink.Temporary}, {504, "", sink.Temporary}, {599, "", sink.Temporary},
		{409, "", sink.Temporary}, {418, "", sink.Temporary}, {499, "", sink.Temporary}, {999, "", sink.Temporary},
	}
	for _, tt := range tests {
		if got := kindOf(tt.status, tt.body); got != tt.want {
			t.Errorf("kindOf(%d, %q) = %v, want %v", tt.status, tt.body, got, tt.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := []struct {
		in   string
		want time.Duration
	}{
		{"", 0}, {"0", 0}, {"120", 2 * time.Minute}, {" 5 ", 5 * time.Second}, {"-1", 0}, {"1.5", 0}, {"soon", 0},
		{"99999999999999999999999", 24 * time.Hour}, {"4000000000", 24 * time.Hour},
		{"Fri, 02 Jan 2026 03:05:05 GMT", time.Minute}, {"Fri, 02 Jan 2026 03:00:05 GMT", 0}, {"Fri, 02 Jan 2099 03:00:05 GMT", 24 * time.Hour},
	}
	for _, tt := range tests {
		if got := retryAfter(tt.in, now); got != tt.want {
			t.Errorf("retryAfter(%q) = %v, want %v", tt.in, got, tt.want)
		}
	}
}

func TestReadAnswer(t *testing.T) {
	t.Parallel()
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 64)
	tests := []struct {
		name, in string
		want     answer
		ok       bool
	}{
		{"plain", `{"filehash":"` + a + `","key":"` + b + `"}`, answer{a, b}, true},
		{"old era", `{"filehash":"` + a + `"}`, answer{a, ""}, true},
		{"null key", `{"filehash":"` + a + `","key":null}`, answer{a, ""}, true},
		{"upper case, blanks, more fields, BOM", "\ufeff \n" + `{"x":[1],"FileHash":" ` + strings.ToUpper(a) + `","key":"` + b + `"} trailing`, answer{a, b}, true},
		{"cut hash", `{"filehash":"` + a[1:] + `"}`, answer{}, false},
		{"not hex", `{"filehash":"` + strings.Repeat("g", 64) + `"}`, answer{}, false},
		{"short key", `{"filehash":"` + a + `","key":"abcd"}`, answer{}, false},
		{"number", `{"filehash":1}`, answer{}, false},
		{"array", `[]`, answer{}, false},
		{"null", `null`, answer{}, false},
		{"nothing", ``, answer{}, false},
		{"HTML", `<html>`, answer{}, false},
		{"behind 64 KiB", strings.Repeat(" ", 64<<10) + `{"filehash":"` + a + `"}`, answer{}, false},
	}
	for _, tt := range tests {
		got, err := readAnswer(strings.NewReader(tt.in))
		if got != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: readAnswer(%.80q) = %+v, %v, want %+v, ok %v", tt.name, tt.in, got, err, tt.want, tt.ok)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	a := strings.Repeat("a", 64)
	for _, s := range []string{`{"filehash":"` + a + `","key":"` + a + `"}`, `{}`, `{"filehash":null}`, "\ufeff{", `{"filehash":"` + a, `[[[[[[`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := readAnswer(bytes.NewReader(in))
		if err == nil && (!isHash(got.FileHash) || got.Key != "" && !isHash(got.Key)) {
			t.Errorf("readAnswer(%q) = %+v without an error", in, got)
		}
		if err != nil && strings.Contains(err.Error(), a) {
			t.Errorf("readAnswer(%q): the error quotes the answer: %v", in, err)
		}
	})
}

// An answer proves the file or it does not; nothing else about it matters.
func TestProof(t *testing.T) {
	t.Parallel()
	const file = "hello world"
	plain := sha256.Sum256([]byte(file))
	own := "3130cb723698a4ed3b0e078f511b05ae5c6153b16f6c33a323bfa868026399d9"
	hash := "7037d181b77e02dc377f9f0fabcac594f7339d37c16a946c322372434f40fe18"
	zeros := strings.Repeat("0", 64)
	sealer, err := newSealer(make([]byte, 32), make([]byte, 16))
	if err != nil {
		t.Fatal(err)
	}
	sealer.Write([]byte(file))
	tests := []struct {
		name, body string
		status     int
		key        string
		ok         bool
	}{
		{"201", `{"filehash":"` + hash + `","key":"` + own + `"}`, 201, own, true},
		{"200 that proves", `{"filehash":"` + hash + `","key":"` + own + `"}`, 200, own, true},
		{"204 without a body", ``, 204, "", false},
		{"default key left out", `{"filehash":"` + hash + `"}`, 201, own, true},
		{"old era", `{"filehash":"` + hex.EncodeToString(plain[:]) + `"}`, 201, "", true},
		{"plain hash with a key", `{"filehash":"` + hex.EncodeToString(plain[:]) + `","key":"` + own + `"}`, 201, "", false},
		{"another key", `{"filehash":"` + sealer.sum() + `","key":"` + zeros + `"}`, 201, zeros, true},
		{"another key, wrong hash", `{"filehash":"` + hash + `","key":"` + zeros + `"}`, 201, "", false},
		{"wrong hash", `{"filehash":"` + zeros + `","key":"` + own + `"}`, 201, "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := start(t, nil)
			n.Fail(sinktest.Fault{Status: tt.status, Body: tt.body})
			receipt, err := n.Put(t.Context(), sinktest.Object("x", []byte(file)))
			if (err == nil) != tt.ok || receipt.Key != tt.key {
				t.Errorf("answer %d %s: receipt %+v, %v, want key %q, ok %v", tt.status, tt.body, receipt, err, tt.key, tt.ok)
			}
			if err == nil {
				return
			}
			for _, secret := range []string{own, zeros} {
				if strings.Contains(err.Error(), secret) && !strings.Contains(tt.body, `"filehash":"`+secret) {
					t.Errorf("answer %s: the error holds the key: %v", tt.body, err)
				}
			}
			var e *sink.Error
			if !errors.As(err, &e) || e.Kind != sink.Temporary {
				t.Errorf("answer %s: %v, want a temporary error", tt.body, err)
			}
		})
	}
}
