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
	found, failed, err := read(in, out)
	if err != nil {
		return err
	}
	rows := judge(found)
	data, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return err
	}
	if err := print(out, rows); err != nil {
		return err
	}
	if failed {
		return fmt.Errorf("a benchmark failed: see above")
	}
	return nil
}

// figures are the metrics of each benchmark, by name and unit; of several runs
// the values of all.
type figures map[string]map[string][]float64

// read passes lines on and gathers the figures in them.
func read(in io.Reader, out io.Writer) (found figures, failed bool, err error) {
	found = figures{}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		line := lines.Text()
		if _, err := fmt.Fprintln(out, line); err != nil {
			return nil, false, err
		}
		failed = failed || strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "--- FAIL")
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		name := withoutProcessors(strings.TrimPrefix(fields[0], "Benchmark"))
		for i := 2; i+1 < len(fields); i += 2 { // behind the count: a value and its unit, in turn
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				break
			}
			if found[name] == nil {
				found[name] = map[string][]float64{}
			}
			found[name][fields[i+1]] = append(found[name][fields[i+1]], value)
		}
	}
	return found, failed, lines.Err()
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
	What      string   `json:"what"`
	Benchmark string   `json:"benchmark"`
	Unit      string   `json:"unit"`
	Value     *float64 `json:"value"` // the median; null where it was not measured
	Goal      string   `json:"goal,omitempty"`
	Met       *bool    `json:"met,omitempty"`
}

func judge(found figures) []row {
	var rows []row
	for _, g := range goals {
		r := row{What: g.what, Benchmark: g.benchmark, Unit: g.unit, Goal: g.text()}
		if values := found[g.benchmark][g.unit]; len(values) > 0 {
			value := median(values)
			r.Value = &value
			if g.sign != 0 {
				met := g.met(value)
				r.Met = &met
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

func print(out io.Writer, rows []row) error {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHAT\tMEASURED\tGOAL\t")
	missing := 0
	for _, r := range rows {
		if r.Value == nil {
			missing++
			continue
		}
		measured, verdict := strconv.FormatFloat(*r.Value, 'g', 4, 64)+" "+r.Unit, ""
		switch {
		case r.Met == nil:
		case *r.Met:
			verdict = "met"
		default:
			verdict = "NOT MET"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", r.What, measured, r.Goal, verdict)
	}
	if missing > 0 {
		defer fmt.Fprintf(out, "%d more lines were not measured\n", missing)
	}
	return table.Flush()
}
