package twitterstream

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/storj/twitter-stream/"

// mayImport is the house's plan: which of our packages each package may
// import. ARCHITECTURE.md draws it. What is not here does not exist.
var mayImport = map[string][]string{
	"cmd/daemon":               {"cmd/internal/app", "cmd/internal/storage", "pkg/*", "examples"},
	"cmd/grabber":              {"cmd/internal/app", "pkg/*"},
	"cmd/uploader":             {"cmd/internal/app", "cmd/internal/storage", "pkg/*"},
	"cmd/internal/storage":     {"cmd/internal/app", "pkg/config", "pkg/network", "pkg/objectkey", "pkg/pack", "pkg/sink", "pkg/sink/s3", "pkg/sink/storj"},
	"cmd/internal/benchreport": {},
	"cmd/internal/app":         {"pkg/config", "pkg/exitcode", "pkg/ledgercopy", "pkg/logging", "pkg/network", "pkg/objectkey", "pkg/process", "pkg/setup", "pkg/sink", "pkg/status", "pkg/store", "pkg/stream", "pkg/twitterauth"},

	"pkg/supervisor": {"pkg/status", "pkg/backoff", "pkg/cadence", "pkg/exitcode", "pkg/process", "pkg/redact", "pkg/repeat"},
	"pkg/grabber":    {"pkg/coverage", "pkg/stream", "pkg/store", "pkg/status", "pkg/backoff", "pkg/cadence", "pkg/exitcode", "pkg/redact", "pkg/repeat"},
	"pkg/budget":     {"pkg/stream", "pkg/status"},
	"pkg/rules":      {"pkg/stream", "pkg/exitcode", "pkg/redact"},
	"pkg/uploader":   {"pkg/objectkey", "pkg/pack", "pkg/sink", "pkg/store", "pkg/status", "pkg/backoff", "pkg/cadence", "pkg/exitcode", "pkg/redact", "pkg/repeat"},
	"pkg/ledgercopy": {"pkg/dirfs", "pkg/status"},
	"pkg/setup":      {"pkg/twitterauth", "pkg/exitcode", "pkg/redact"},
	"pkg/overview":   {"pkg/coverage", "pkg/store", "pkg/status", "pkg/redact"},
	"pkg/audit":      {"pkg/objectkey", "pkg/sink", "pkg/store", "pkg/backoff", "pkg/redact"},
	"pkg/balance":    {"pkg/coverage", "pkg/store", "pkg/redact"},
	"pkg/rebuild":    {"pkg/dirfs", "pkg/objectkey", "pkg/sink", "pkg/store", "pkg/coverage", "pkg/backoff", "pkg/redact"},
	"pkg/bagit":      {"pkg/dirfs"},
	"pkg/retrieve":   {"pkg/catalog", "pkg/network", "pkg/pack", "pkg/sink", "pkg/store", "pkg/backoff", "pkg/dirfs", "pkg/redact"},
	"pkg/catalog":    {"pkg/coverage", "pkg/store"},
	"pkg/check":      {"pkg/ledgercopy", "pkg/sink", "pkg/sink/directory", "pkg/sink/s3", "pkg/sink/storj", "pkg/store", "pkg/dirfs", "pkg/redact"},

	"pkg/stream":         {"pkg/network", "pkg/exitcode", "pkg/redact"},
	"pkg/twitterauth":    {"pkg/exitcode", "pkg/redact"},
	"pkg/objectkey":      {"pkg/sink"},
	"pkg/sink":           {"pkg/exitcode", "pkg/redact"},
	"pkg/sink/webnode":   {"pkg/sink", "pkg/sink/watch", "pkg/redact"},
	"pkg/sink/s3":        {"pkg/sink", "pkg/sink/watch", "pkg/redact"},
	"pkg/sink/storj":     {"pkg/sink", "pkg/redact"},
	"pkg/sink/watch":     {},
	"pkg/sink/directory": {"pkg/dirfs", "pkg/sink", "pkg/redact"},
	"pkg/sink/sinktest":  {"pkg/sink"},

	"pkg/store":   {"pkg/coverage", "pkg/dirfs", "pkg/exitcode", "pkg/pack", "pkg/redact", "pkg/process"},
	"pkg/status":  {"pkg/cadence"},
	"pkg/config":  {"pkg/network", "pkg/objectkey", "pkg/exitcode", "pkg/redact"},
	"pkg/logging": {"pkg/redact"},

	"pkg/backoff":  {},
	"pkg/cadence":  {},
	"pkg/coverage": {"pkg/cadence"},
	"pkg/dirfs":    {},
	"pkg/exitcode": {},
	"pkg/process":  {},
	"pkg/redact":   {},
	"pkg/network":  {},
	"pkg/pack":     {},
	"pkg/resume":   {"pkg/network"},
	"pkg/repeat":   {},

	"examples": {},

	"pkg/sandbox":             {"pkg/sandbox/fault", "pkg/sandbox/madeup", "pkg/sandbox/recorded", "pkg/sandbox/wire"},
	"pkg/sandbox/recorded":    {},
	"pkg/sandbox/fault":       {},
	"pkg/sandbox/madeup":      {},
	"pkg/sandbox/wire":        {"pkg/sandbox/fault"},
	"pkg/sandbox/timeline":    {"pkg/sandbox/madeup"},
	"pkg/sandbox/live":        {"pkg/sandbox/fault", "pkg/sandbox/recorded", "pkg/sandbox/timeline", "pkg/sandbox/wire"},
	"pkg/sandbox/sse":         {"pkg/sandbox/live", "pkg/sandbox/madeup"},
	"pkg/sandbox/x":           {"pkg/sandbox/fault", "pkg/sandbox/live", "pkg/sandbox/madeup", "pkg/sandbox/wire"},
	"pkg/sandbox/jetstream":   {"pkg/sandbox/fault", "pkg/sandbox/live", "pkg/sandbox/madeup", "pkg/sandbox/wire"},
	"pkg/sandbox/mastodon":    {"pkg/sandbox/fault", "pkg/sandbox/live", "pkg/sandbox/madeup", "pkg/sandbox/sse", "pkg/sandbox/wire"},
	"pkg/sandbox/wikimedia":   {"pkg/sandbox/fault", "pkg/sandbox/live", "pkg/sandbox/madeup", "pkg/sandbox/sse", "pkg/sandbox/wire"},
	"pkg/sandbox/kind":        {"pkg/sandbox", "pkg/sandbox/fault", "pkg/sandbox/jetstream", "pkg/sandbox/live", "pkg/sandbox/mastodon", "pkg/sandbox/sse", "pkg/sandbox/timeline", "pkg/sandbox/wikimedia", "pkg/sandbox/x"},
	"pkg/sandbox/serve":       {"pkg/sandbox", "pkg/sandbox/fault", "pkg/sandbox/kind", "pkg/sandbox/live", "pkg/sandbox/timeline"},
	"pkg/sandbox/demo":        {"pkg/sandbox", "pkg/sandbox/kind", "pkg/sandbox/live", "pkg/sandbox/timeline"},
	"pkg/sandbox/sandboxtest": {"pkg/sandbox"},
}

type goPackage struct {
	Dir, ImportPath, Name   string
	GoFiles, IgnoredGoFiles []string
	Imports                 []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=Dir,ImportPath,Name,GoFiles,IgnoredGoFiles,Imports", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func TestArrowsPointDownOnly(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		name := strings.TrimPrefix(p.ImportPath, module)
		if len(p.GoFiles) == 0 {
			continue // tests only
		}
		if p.ImportPath+"/" == module {
			continue // the root holds tests and one comment
		}
		allowed, known := mayImport[name]
		if !known {
			t.Errorf("%s has no place in the plan", name)
		}
		for _, imported := range p.Imports {
			inner, ours := strings.CutPrefix(imported, module)
			if !ours || slices.Contains(allowed, inner) {
				continue
			}
			if slices.Contains(allowed, "pkg/*") && strings.HasPrefix(inner, "pkg/") {
				continue
			}
			t.Errorf("%s imports %s, which the plan does not allow", name, inner)
		}
	}
}

// TestHouseRules holds what a reader may rely on without looking.
func TestHouseRules(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		documented := 0
		for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles) {
			path := filepath.Join(p.Dir, name)
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc != nil {
				documented++
			}
			checkFile(t, fset, file, strings.HasPrefix(p.ImportPath, module+"cmd/"))
		}
		if len(p.GoFiles) > 0 && documented != 1 {
			t.Errorf("%s has %d package comments, want 1", p.ImportPath, documented)
		}
	}
}

func checkFile(t *testing.T, fset *token.FileSet, file *ast.File, isCommand bool) {
	t.Helper()
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				t.Errorf("%s: init()", fset.Position(n.Pos()))
			}
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if !ok {
				break
			}
			call := pkg.Name + "." + n.Sel.Name
			if call == "os.Exit" && !isCommand {
				t.Errorf("%s: os.Exit outside cmd", fset.Position(n.Pos()))
			}
			if pkg.Name == "log" && pkg.Obj == nil && n.Sel.Name != "New" && n.Sel.Name != "Logger" && imports(file, "log") {
				t.Errorf("%s: %s is the global logger", fset.Position(n.Pos()), call)
			}
			if pkg.Name == "logrus" && slices.Contains([]string{"Info", "Warn", "Error", "Debug", "Print", "Infof", "Warnf", "Errorf", "Fatal", "Panic", "StandardLogger", "SetOutput", "SetLevel", "AddHook"}, n.Sel.Name) {
				t.Errorf("%s: %s is the global logger", fset.Position(n.Pos()), call)
			}
		}
		return true
	})
}

func imports(file *ast.File, path string) bool {
	return slices.ContainsFunc(file.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote(path) })
}
