package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	t.Parallel()
	in := strings.Join([]string{
		"goos: linux",
		"BenchmarkCapture-2   \t 1\t 900.0 MB/s\t 0.5 x-curl\t 4.5 x-scanner",
		"BenchmarkCapture-2   \t 1\t 700.0 MB/s\t 0.6 x-curl\t 4.5 x-scanner",
		"BenchmarkCapture-2   \t 1\t 890.0 MB/s\t 0.9 x-curl\t 4.5 x-scanner",
		"BenchmarkRate/60-2   \t 1\t 0.4 cpu-%",
		"--- BENCH: BenchmarkRate",
		"BenchmarkOdd",
		"PASS",
	}, "\n")
	path := filepath.Join(t.TempDir(), "bench.json")
	var out strings.Builder
	if err := run(strings.NewReader(in), &out, path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, r := range rows {
		switch {
		case r.Value == nil:
			found[r.Benchmark+" "+r.Unit] = "none"
		case r.Met != nil && *r.Met:
			found[r.Benchmark+" "+r.Unit] = "met"
		case r.Met != nil:
			found[r.Benchmark+" "+r.Unit] = "missed"
		}
	}
	for name, want := range map[string]string{
		"Capture MB/s": "met", "Capture x-curl": "missed", "Capture x-scanner": "met", "Rate/60 cpu-%": "met", "Size MiB": "none",
	} {
		if found[name] != want {
			t.Errorf("%s: %q, want %q", name, found[name], want)
		}
	}
	for _, want := range []string{in, "890 MB/s", "NOT MET", "more lines were not measured"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.String())
		}
	}
}

func TestAFailedBenchmarkIsAnError(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	err := run(strings.NewReader("--- FAIL: BenchmarkSize\nFAIL\n"), &out, filepath.Join(t.TempDir(), "bench.json"))
	if err == nil || !strings.Contains(err.Error(), "failed") {
		t.Errorf("run = %v, want that a benchmark failed", err)
	}
}
