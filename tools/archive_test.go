package tools

import (
	"bufio"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/klauspost/compress/zstd"
)

// A hundred files in all, of each kind perKind at least.
const (
	perKind  = 33
	messages = 760 // recorded for each kind
)

// sums are what is asked of an archive, once here and once by DuckDB.
type sums struct{ messages, posts, ids, followers int64 }

// TestDuckDBReadsTheArchiveInPlace records a stream with the real programs,
// plain, by gzip and by zstd, ships it to a directory, and asks an engine that
// knows nothing of us.
func TestDuckDBReadsTheArchiveInPlace(t *testing.T) {
	dir := t.TempDir()
	w := world{t: t, dir: dir, bin: build(t)}
	w.sandbox()
	archive := filepath.Join(dir, "archive")
	w.run("uploader", "init-dir", archive, "-c", w.config())
	for _, method := range []string{"none", "gzip", "zstd"} {
		w.set("grabber_compress", method)
		w.run("grabber", "-c", w.config(), "--messages", fmt.Sprint(messages))
		w.run("uploader", "-c", w.config(), "--drain")
	}
	want, files := count(t, archive)
	for _, suffix := range []string{".jsonl", ".jsonl.gz", ".jsonl.zst"} {
		if files[suffix] < perKind {
			t.Errorf("%d files *%s, want %d", files[suffix], suffix, perKind)
		}
		files[""] += files[suffix]
	}
	if files[""] < 100 {
		t.Errorf("%d files, want 100", files[""])
	}
	if want.messages != 3*messages || want.posts == 0 || want.followers == 0 {
		t.Fatalf("the archive holds %+v", want)
	}
	db := open(t)
	from := fmt.Sprintf(`read_json('%s/dt=*/hour=*/*.jsonl*', format='newline_delimited', hive_partitioning=true,
		columns={id: 'BIGINT', text: 'VARCHAR', user: 'STRUCT(followers_count BIGINT)'})`, archive)
	var got sums
	row := db.QueryRowContext(t.Context(), `SELECT count(*), count(text), sum(id % 1000003)::BIGINT, sum(user.followers_count)::BIGINT FROM `+from)
	if err := row.Scan(&got.messages, &got.posts, &got.ids, &got.followers); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("DuckDB says %+v, the files hold %+v", got, want)
	}
	partitions(t, db, archive, want.messages)
	t.Logf("%d files, %+v", files[""], got)
}

// partitions asks by the partitions, and lets the engine find the columns.
func partitions(t *testing.T, db *sql.DB, archive string, want int64) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), fmt.Sprintf(`SELECT dt::VARCHAR, hour::VARCHAR, count(*) FROM
		read_json('%s/dt=*/hour=*/*.jsonl*', hive_partitioning=true, union_by_name=true, hive_types={dt: DATE, hour: VARCHAR}) GROUP BY 1, 2`, archive))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all int64
	for rows.Next() {
		var day, hour string
		var n int64
		if err := rows.Scan(&day, &hour, &n); err != nil {
			t.Fatal(err)
		}
		if _, err := time.Parse("2006-01-02 15", day+" "+hour); err != nil {
			t.Errorf("a partition %q, %q", day, hour)
		}
		all += n
	}
	if err := rows.Err(); err != nil || all != want {
		t.Errorf("all partitions together hold %d messages, %v; want %d", all, err, want)
	}
}

func open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	// Whatever it needs is in the library: nothing is fetched.
	if _, err := db.ExecContext(t.Context(), "SET autoinstall_known_extensions = false"); err != nil {
		t.Fatal(err)
	}
	return db
}

// count reads the archive by itself, and how many files of each ending it has.
func count(t *testing.T, archive string) (all sums, files map[string]int) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(archive, "dt=????-??-??", "hour=??", "*"))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string]int{}
	for _, path := range paths {
		files[path[strings.LastIndex(path, ".jsonl"):]]++
		lines := bufio.NewScanner(reader(t, path))
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			var m struct {
				ID   int64
				Text *string
				User struct {
					Followers int64 `json:"followers_count"`
				}
			}
			if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			all.messages++
			if m.Text != nil {
				all.posts++
			}
			all.ids += m.ID % 1000003
			all.followers += m.User.Followers
		}
		if err := lines.Err(); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	return all, files
}

// reader inflates by what is not ours where there is such.
func reader(t *testing.T, path string) io.Reader {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	var r io.Reader = f
	switch filepath.Ext(path) {
	case ".gz":
		r, err = gzip.NewReader(f)
	case ".zst":
		var z *zstd.Decoder
		if z, err = zstd.NewReader(f); err == nil {
			t.Cleanup(z.Close)
			r = z
		}
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return r
}

// build makes the three programs.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-C", "..", "-o", dir+"/", "./cmd/daemon", "./cmd/grabber", "./cmd/uploader")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return dir
}

// world is a sandbox and a configuration for it.
type world struct {
	t        *testing.T
	dir, bin string
}

func (w world) config() string { return filepath.Join(w.dir, "config.ini") }

// sandbox starts a local stream until the test ends.
func (w world) sandbox() {
	w.t.Helper()
	out, err := os.Create(filepath.Join(w.dir, "sandbox.out"))
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(w.bin, "daemon"), "sandbox", "--dir", w.dir, "--rate", "1000")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // it was asked to
		out.Close()
	})
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if w.listens() {
			break
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(out.Name())
			w.t.Fatalf("the sandbox does not come up:\n%s", text)
		}
	}
	w.set("upload_url", filepath.Join(w.dir, "archive"))
	w.set("grabber_cut_size", "64")
}

// listens reports whether the configuration is there and its stream answers.
func (w world) listens() bool {
	text, err := os.ReadFile(w.config())
	if err != nil {
		return false
	}
	found := regexp.MustCompile(`(?m)^stream_url = http://([^/]+)/`).FindSubmatch(text)
	if found == nil {
		return false
	}
	conn, err := net.Dial("tcp", string(found[1]))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// set writes a key of the configuration.
func (w world) set(key, value string) {
	w.t.Helper()
	text, err := os.ReadFile(w.config())
	if err != nil {
		w.t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(key) + ` = .*$`)
	if line.Match(text) {
		text = line.ReplaceAllLiteral(text, []byte(key+" = "+value))
	} else {
		text = append(text, (key + " = " + value + "\n")...)
	}
	if err := os.WriteFile(w.config(), text, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w world) run(name string, args ...string) {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), filepath.Join(w.bin, name), args...)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "TWITTER_STREAM_") {
			cmd.Env = append(cmd.Env, entry)
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}
