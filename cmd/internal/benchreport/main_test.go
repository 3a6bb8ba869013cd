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
		"cpu: Some Processor   ",
		"missing peer: s5cmd: go install it",
		"missing peer: s5cmd: go install it",
		"BenchmarkShipToBucket-2 \t 1\t 190.0 files/s\t 1.19 x-rclone\t 1.3 x-rclone-cpu",
		"BenchmarkCapture-2   \t 1\t 900.0 MB/s\t 0.5 x-curl\t 4.5 x-scanner",
		"BenchmarkCapture-2   \t 1\t 700.0 MB/s\t 0.6 x-curl\t 4.5 x-scanner",
		"BenchmarkCapture-2   \t 1\t 890.0 MB/s\t 0.9 x-curl\t 4.5 x-scanner",
		"BenchmarkRate/60-2   \t 1\t 0.4 cpu-%",
		"BenchmarkRate/5700-2 \t 1\t 0 cpu-%",
		"BenchmarkBooks-2     \t 1\t NaN x-start\t 1.0 x-status",
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
	var rep report
	if err := json.Unmarshal(data, &rep); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, r := range rep.Goals {
		switch {
		case r.Value == nil:
			found[r.Name] = "none"
		case r.Met != nil && *r.Met:
			found[r.Name] = "met"
		case r.Met != nil:
			found[r.Name] = "missed"
		}
	}
	for name, want := range map[string]string{
		"Capture/MB/s": "met", "Capture/x-curl": "missed", "Capture/x-scanner": "met", "Rate/60/cpu-%": "met", "Size/MiB": "none",
		"Rate/5700/cpu-%": "met", "Books/x-start": "none", "Books/x-status": "met",
		"ShipToBucket/x-rclone": "missed", "ShipToBucket/x-rclone-cpu": "met", "ShipToBucket/x-s5cmd": "none",
	} {
		if found[name] != want {
			t.Errorf("%s: %q, want %q", name, found[name], want)
		}
	}
	if rep.Machine != "Some Processor" || len(rep.Missing) != 1 || rep.Figures["Capture"]["MB/s"][1] != 700 {
		t.Errorf("machine %q, missing %q, figures %v", rep.Machine, rep.Missing, rep.Figures)
	}
	for _, want := range []string{
		in, "890 MB/s", "more lines were not measured", "missing, so that nothing is compared with it: s5cmd: go install it",
		"beside rclone move 1.19 x-rclone at least 1.7 0.70 NOT MET", "beside s5cmd mv not measured at least 1", "CPU at 60 messages/s 0.4 cpu-% at most 0.5 1.25 met",
	} {
		text := out.String()
		if want != in {
			text = strings.Join(strings.Fields(text), " ")
		}
		if !strings.Contains(text, want) {
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

// 500 MB/s, or nine tenths of what dd gives, whichever is less.
func TestAGoalThatEitherFigureMeets(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		mbs, dd float64
		want    bool
	}{
		{"fast", 510, 0.3, true},
		{"a slow disk", 200, 0.95, true},
		{"neither", 300, 0.2, false},
	} {
		for _, r := range judge(figures{"CaptureDisk": {"MB/s": {tt.mbs}, "x-dd": {tt.dd}}}) {
			if r.Name == "CaptureDisk/MB/s" && *r.Met != tt.want {
				t.Errorf("%s: met %v of %s, want %v", tt.name, *r.Met, r.Goal, tt.want)
			}
		}
	}
}

// Programs know goals by name, and a goal whose benchmark was renamed would be
// silently missing.
func TestGoalsAreOfBenchmarksThatExist(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join("..", "..", "bench_*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, path := range append(paths, filepath.Join("..", "..", "bench_test.go")) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(text)
	}
	names := map[string]bool{}
	for _, g := range goals {
		if names[g.name()] {
			t.Errorf("two goals are named %s", g.name())
		}
		names[g.name()] = true
		function, _, _ := strings.Cut(g.benchmark, "/")
		if !strings.Contains(source.String(), "func Benchmark"+function+"(") {
			t.Errorf("%s: there is no Benchmark%s in cmd", g.name(), function)
		}
	}
}
