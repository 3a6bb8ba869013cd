// Command benchreport reads what go test -bench prints, passes it on, and ends
// it with a table of what was measured against what was wanted. The same goes
// to a file as JSON, for other programs.
//
//	go test -run '^$' -bench . ./cmd | go run ./cmd/internal/benchreport bench.json
//
// It exits 1 when a benchmark failed; a goal that is missed is no failure, for
// the machine may be busy.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go test -bench ... | benchreport FILE.json")
		os.Exit(2)
	}
	if err := run(os.Stdin, os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "benchreport:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, out io.Writer, path string) error {
	run, failed, err := read(in, out)
	if err != nil {
		return err
	}
	rep := report{Machine: run.machine, Missing: run.missing, Goals: judge(run.found), Figures: run.found}
	data, err := json.MarshalIndent(rep, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return err
	}
	if err := print(out, rep); err != nil {
		return err
	}
	if failed {
		return fmt.Errorf("a benchmark failed: see above")
	}
	return nil
}

// report is the JSON: Goals by name, and every figure that was measured.
type report struct {
	Machine string   `json:"machine"`
	Missing []string `json:"missing"` // peers: the name, and how to install it
	Goals   []row    `json:"goals"`
	Figures figures  `json:"figures"`
}

// figures are the metrics of each benchmark, by name and unit; of several runs
// the values of all.
type figures map[string]map[string][]float64

// measured is what the benchmarks printed.
type measured struct {
	machine string
	missing []string
	found   figures
}

// missingPeer begins a line in which a benchmark says that it went without one.
const missingPeer = "missing peer: "

// read passes lines on and gathers what is in them.
func read(in io.Reader, out io.Writer) (run measured, failed bool, err error) {
	run = measured{found: figures{}, missing: []string{}}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		line := lines.Text()
		if _, err := fmt.Fprintln(out, line); err != nil {
			return run, false, err
		}
		failed = failed || strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "--- FAIL")
		if peer, ok := strings.CutPrefix(line, missingPeer); ok && !slices.Contains(run.missing, peer) {
			run.missing = append(run.missing, peer)
		} else if cpu, ok := strings.CutPrefix(line, "cpu: "); ok {
			run.machine = strings.TrimSpace(cpu)
		}
		run.found.add(strings.Fields(line))
	}
	return run, failed, lines.Err()
}

// add takes the figures from a benchmark's line.
func (found figures) add(fields []string) {
	if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
		return
	}
	name := withoutProcessors(strings.TrimPrefix(fields[0], "Benchmark"))
	for i := 2; i+1 < len(fields); i += 2 { // behind the count: a value and its unit, in turn
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return
		}
		if math.IsNaN(value) || math.IsInf(value, 0) {
			continue // of nothing; JSON has neither
		}
		if found[name] == nil {
			found[name] = map[string][]float64{}
		}
		found[name][fields[i+1]] = append(found[name][fields[i+1]], value)
	}
}

// withoutProcessors takes off what go test puts behind a name: -2.
func withoutProcessors(name string) string {
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		if _, err := strconv.Atoi(name[i+1:]); err == nil {
			return name[:i]
		}
	}
	return name
}

// row is a line of the table.
type row struct {
	Name      string   `json:"name"` // stays, whatever What says
	What      string   `json:"what"`
	Benchmark string   `json:"benchmark"`
	Unit      string   `json:"unit"`
	Value     *float64 `json:"value"` // the median; null where it was not measured
	Goal      string   `json:"goal,omitempty"`
	Reached   *float64 `json:"reached,omitempty"` // how much of the goal that is: 1 or more is met
	Met       *bool    `json:"met,omitempty"`
}

func judge(found figures) []row {
	var rows []row
	for _, g := range goals {
		r := row{Name: g.name(), What: g.what, Benchmark: g.benchmark, Unit: g.unit, Goal: g.text()}
		if values := found[g.benchmark][g.unit]; len(values) > 0 {
			value := median(values)
			r.Value = &value
			if g.sign != 0 {
				reached := g.reached(value)
				if or, ok := instead[g.name()]; ok && len(found[g.benchmark][or.unit]) > 0 {
					reached = max(reached, median(found[g.benchmark][or.unit])/or.limit)
				}
				met := reached >= 1
				r.Reached, r.Met = &reached, &met
			}
		}
		rows = append(rows, r)
	}
	return rows
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// print names what was measured, the goals that were not though their benchmark
// ran, and the peers that were missing.
func print(out io.Writer, rep report) error {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHAT\tMEASURED\tGOAL\tOF IT\t")
	unmeasured := 0
	for _, r := range rep.Goals {
		if r.Value == nil && len(rep.Figures[r.Benchmark]) == 0 {
			unmeasured++
			continue
		}
		value, reached, verdict := "not measured", "", ""
		if r.Value != nil {
			value = short(*r.Value) + " " + r.Unit
		}
		if r.Reached != nil {
			reached, verdict = strconv.FormatFloat(*r.Reached, 'f', 2, 64), "NOT MET"
			if *r.Met {
				verdict = "met"
			}
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.What, value, r.Goal, reached, verdict)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if unmeasured > 0 {
		fmt.Fprintf(out, "%d more lines were not measured\n", unmeasured)
	}
	for _, peer := range rep.Missing {
		fmt.Fprintf(out, "missing, so that nothing is compared with it: %s\n", peer)
	}
	return nil
}

// short is four digits, or a whole number.
func short(value float64) string {
	if math.Abs(value) >= 1000 {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	return strconv.FormatFloat(value, 'g', 4, 64)
}
