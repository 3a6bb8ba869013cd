package demo

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox"
)

func message(seq uint64) []byte { return fmt.Appendf(nil, `{"text":"number %d","seq":%d}`, seq, seq) }

func file(seqs ...uint64) []byte {
	var b []byte
	for _, seq := range seqs {
		b = append(append(b, message(seq)...), '\n')
	}
	return b
}

func TestBooks(t *testing.T) {
	t.Parallel()
	opened := time.Unix(1000, 0)
	kills := []kill{{name: "grabber", pid: 7, at: opened.Add(10 * time.Second)}}
	killed := sandbox.Connection{Opened: opened, Closed: opened.Add(10001 * time.Millisecond), Messages: 5, Seqs: []sandbox.Range{{First: 1, Last: 5}}, End: "client left"}
	calm := sandbox.Connection{Opened: opened, Closed: opened.Add(time.Minute), Messages: 5, Seqs: killed.Seqs, End: "end"}
	reset := calm
	reset.End = "reset"
	for _, tt := range []struct {
		name     string
		conn     sandbox.Connection
		doubtful []uint64
		files    []string
		balanced bool
		wrong    string
	}{
		{"all there", calm, nil, []string{string(file(1, 2, 3)), string(file(4, 5))}, true, ""},
		{"last ones lost by a kill", killed, nil, []string{string(file(1, 2, 3))}, true, ""},
		{"last ones lost by a reset", reset, nil, []string{string(file(1, 2, 3, 4))}, true, ""},
		{"last one lost for no reason", calm, nil, []string{string(file(1, 2, 3, 4))}, false, ""},
		{"lost in the middle, killed or not", killed, nil, []string{string(file(1, 2, 4, 5))}, false, "message 3 is missing"},
		{"twice", calm, nil, []string{string(file(1, 2, 3)), string(file(3, 4, 5))}, false, ""},
		{"never sent", calm, nil, []string{string(file(1, 2, 3, 4, 5, 6))}, false, "message 6 was found and never sent"},
		{"cut off, not there", calm, []uint64{6}, []string{string(file(1, 2, 3, 4, 5))}, true, ""},
		{"cut off, there", calm, []uint64{6}, []string{string(file(1, 2, 3, 4, 5, 6))}, true, ""},
		{"changed", calm, nil, []string{strings.Replace(string(file(1, 2, 3, 4, 5)), "number 3", "nombre 3", 1)}, false, "message 3 is not what was sent"},
		{"torn", calm, nil, []string{string(file(1, 2, 3, 4, 5)) + `{"seq":6,`}, false, "a line is no message"},
		{"no line end", calm, nil, []string{strings.TrimSuffix(string(file(1, 2, 3, 4, 5)), "\n")}, false, "a line is no message"},
		{"blank line", calm, nil, []string{string(file(1, 2)) + "\n" + string(file(3, 4, 5))}, false, "a line is no message"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := &books{sent: sandbox.Sent{Messages: tt.conn.Messages, Seqs: tt.conn.Seqs, Doubtful: tt.doubtful}}
			tl := &tally{message: message, number: twitter{}.number, found: map[uint64]bool{}, books: b}
			for i, content := range tt.files {
				b.onNode += tl.count([]byte(content), fmt.Sprintf("file %d", i))
			}
			tl.settle([]sandbox.Connection{tt.conn}, kills)
			if b.balanced() != tt.balanced || !strings.Contains(strings.Join(b.wrong, "; "), tt.wrong) {
				t.Errorf("balanced %v, wrong %q, lost %+v; want balanced %v, wrong %q", b.balanced(), b.wrong, b.lost, tt.balanced, tt.wrong)
			}
		})
	}
}

func TestAKillMayLoseOneMebibyte(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		bytes, unread int64
		want          bool
	}{{killLimit, 0, true}, {killLimit + 1, 0, false}, {killLimit + 1, 1, true}} {
		b := &books{sent: sandbox.Sent{Messages: 1}, lost: []loss{{messages: 1, bytes: tt.bytes, limit: killLimit + tt.unread}}}
		if b.balanced() != tt.want {
			t.Errorf("%d bytes lost, %d unread: balanced %v, want %v", tt.bytes, tt.unread, b.balanced(), tt.want)
		}
	}
}

func TestLedgerReader(t *testing.T) {
	t.Parallel()
	s := &stage{store: t.TempDir()}
	if got, err := s.ledger(); err != nil || len(got) != 0 {
		t.Fatalf("no ledger: %v, %v", got, err)
	}
	path := filepath.Join(s.store, "ledger", "2026-11.jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	whole := `{"time":"2026-11-23T15:00:00Z","name":"a.jsonl","size":3,"sha256":"aa","sink":"webnode","url":"u","filehash":"bb","key":"cc","attempts":1,"by":"watch"}` + "\n"
	for _, tt := range []struct {
		name, text string
		want       int
		ok         bool
	}{
		{"one", whole, 1, true},
		{"the last still being written", whole + whole[:40], 1, true},
		{"damage further up", whole[:40] + "\n" + whole, 0, false},
	} {
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := s.ledger()
		if len(got) != tt.want || (err == nil) != tt.ok {
			t.Errorf("%s: %v, %v; want %d, ok %v", tt.name, got, err, tt.want, tt.ok)
		}
		if tt.ok && got[0] != (receipt{"a.jsonl", "aa", "bb", "cc", "watch", 3}) {
			t.Errorf("%s: %+v", tt.name, got[0])
		}
	}
}

func TestSummaryIsABox(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := newServers(t, Twitter)
	s.ownDir, s.kills = true, make([]kill, 4)
	b := &books{sent: sandbox.Sent{Messages: 1234567, Bytes: 3 << 30}, onNode: 1234500, objects: 900, fetched: 3 << 30,
		lost: []loss{{"lost with grabber 123456 (SIGKILL)", 67, 180_000, killLimit}}}
	(&printer{w: &out}).summary(b, s)
	width := 0
	for line := range strings.Lines(out.String()) {
		if !strings.ContainsAny(line, "│┌├└") {
			continue
		}
		if n := len([]rune(line)); width == 0 {
			width = n
		} else if n != width {
			t.Errorf("a line is %d wide, the others %d: %s", n, width, line)
		}
	}
	if !strings.Contains(out.String(), "1,234,567") || !strings.Contains(out.String(), "The books balance.") || strings.Contains(out.String(), "\x1b") {
		t.Errorf("summary:\n%s", out.String())
	}
}

// newServers is a stage with servers and nothing else.
func newServers(t *testing.T, kind string) *stage {
	t.Helper()
	stream, err := openStream(Config{Kind: kind, Rate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stream.Close() })
	n, err := sandbox.StartNode(sandbox.NodeConfig{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.Close() })
	return &stage{stream: stream, node: n, out: &printer{w: &bytes.Buffer{}}, begun: time.Now(), store: t.TempDir()}
}

func TestScriptFitsTheServers(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{Twitter, "jetstream", "wikimedia", "mastodon", "x", "sse"} {
		s := newServers(t, kind)
		last := 0.0
		for i, a := range script(s) {
			if a.at <= last || a.at >= 1 {
				t.Errorf("act %d at %v follows one at %v", i, a.at, last)
			}
			last = a.at
			if err := a.does(s); err != nil && err != errNotThere {
				t.Errorf("%s, act %d: %v", kind, i, err)
			}
		}
	}
	if _, err := openStream(Config{Kind: "nonsense"}); err == nil || !strings.Contains(err.Error(), "jetstream") {
		t.Errorf("a kind that there is not: %v", err)
	}
}
