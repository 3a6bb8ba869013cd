package sandbox

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestMessagesLookLikeTwitters(t *testing.T) {
	t.Parallel()
	m, kinds, total := newMaker(), map[string]int{}, 0
	const count = 6000
	for seq := uint64(1); seq <= count; seq++ {
		msg := m.append(nil, seq)
		var v struct {
			Delete, Limit json.RawMessage
			IDStr         string `json:"id_str"`
			User          struct{ Name string }
			Seq           uint64
		}
		if err := json.Unmarshal(msg, &v); err != nil || v.Seq != seq {
			t.Fatalf("message %d: %v, seq %d: %s", seq, err, v.Seq, msg)
		}
		if i := bytes.IndexFunc(msg, notPrintable); i >= 0 {
			t.Fatalf("message %d holds byte %#x", seq, msg[i])
		}
		switch {
		case v.Delete != nil:
			kinds["delete"]++
		case v.Limit != nil:
			kinds["limit"]++
		case v.IDStr != "" && v.User.Name != "":
			kinds["tweet"]++
		}
		total += len(msg)
	}
	if mean := total / count; mean < 2000 || mean > 3000 {
		t.Errorf("mean size %d, want about 2,500", mean)
	}
	if kinds["delete"]+kinds["limit"]+kinds["tweet"] != count || kinds["limit"] < 5 || kinds["delete"] < 300 {
		t.Errorf("kinds %v", kinds)
	}
}

func notPrintable(r rune) bool { return r < ' ' || r > '~' }

func TestStreamSendsWhatItSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, query, coding string
		chunk               int
		rate                float64
	}{
		{"plain", "", "", 0, 0},
		{"gzip", "", "deflate, gzip;q=0.5", 0, 0},
		{"gzip refused", "", "gzip;q=0", 0, 0},
		{"odd chunks", "", "", 7, 0},
		{"odd chunks, gzip", "", "gzip", 13, 0},
		{"big chunks", "", "", 100_000, 0},
		{"delimited", "?delimited=length", "", 0, 0},
		{"at a rate", "", "", 0, 20_000},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			const count = 200
			tw := startTwitter(t, TwitterConfig{Messages: count, ChunkBytes: tt.chunk, Rate: tt.rate})
			resp := asked(t, defaultSigner(), "GET", tw.StreamURL()+tt.query, nil, "Accept-Encoding", tt.coding)
			got, err := lines(t, resp, 3*count)
			if err != io.EOF {
				t.Fatalf("the stream ended by %v after %d lines, want a clean end", err, len(got))
			}
			if tt.query != "" {
				got = undelimit(t, got)
			}
			var want []string
			for seq := uint64(1); seq <= count; seq++ {
				want = append(want, string(tw.Message(seq))+"\r\n")
			}
			if strings.Join(got, "") != strings.Join(want, "") {
				t.Errorf("%d lines differ from the %d messages", len(got), len(want))
			}
			sent := tw.Sent()
			if sent.Messages != count || len(sent.Seqs) != 1 || sent.Seqs[0] != (Range{1, count}) || len(sent.Doubtful) != 0 {
				t.Errorf("sent %+v", sent)
			}
			eventually(t, "the connection's end is recorded", func() bool { return tw.Connections()[0].End == endNoMore })
		})
	}
}

// undelimit checks the lengths and returns the messages.
func undelimit(t *testing.T, lines []string) (messages []string) {
	t.Helper()
	for i := 0; i+1 < len(lines); i += 2 {
		n, err := strconv.Atoi(strings.TrimSpace(lines[i]))
		if err != nil || n != len(lines[i+1]) {
			t.Fatalf("length line %q, then %d bytes", lines[i], len(lines[i+1]))
		}
		messages = append(messages, lines[i+1])
	}
	return messages
}

func TestReplay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "messages.jsonl")
	long := `{"a":"` + strings.Repeat("x", 3<<20) + `"}`
	if err := os.WriteFile(path, []byte("{\"a\":1}\r\n\n"+long+"\n{\"a\":3}"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := "{\"a\":1}\r\n" + long + "\r\n{\"a\":3}\r\n"
	for _, tt := range []struct {
		name string
		loop bool
		read int
		want string
		end  error
	}{{"once", false, 10, want, io.EOF}, {"loop", true, 6, want + want, nil}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tw := startTwitter(t, TwitterConfig{Replay: path, Loop: tt.loop})
			got, err := lines(t, asked(t, defaultSigner(), "GET", tw.StreamURL(), nil), tt.read)
			if strings.Join(got, "") != tt.want || err != tt.end {
				t.Errorf("%d lines, %v; want %v", len(got), err, tt.end)
			}
		})
	}
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{Faults: []string{"silent"}, KeepAlive: 10 * time.Millisecond})
	got, err := lines(t, asked(t, defaultSigner(), "GET", tw.StreamURL(), nil), 3)
	if err != nil || strings.Join(got, "") != "\r\n\r\n\r\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestSecondConnectionEvictsTheFirst(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{Rate: 1})
	first := asked(t, defaultSigner(), "GET", tw.StreamURL(), nil)
	asked(t, defaultSigner(), "GET", tw.StreamURL(), nil)
	got, err := lines(t, first, 100)
	if err != io.EOF || len(got) == 0 || !strings.Contains(got[len(got)-1], `{"disconnect":{"code":7,`) {
		t.Errorf("the first connection got %q, %v", got, err)
	}
	eventually(t, "the eviction is recorded", func() bool { return tw.Connections()[0].End == endEvicted })
	if tw.Connections()[1].End != "" {
		t.Errorf("the second connection ended: %q", tw.Connections()[1].End)
	}
}

// blocked opens a stream, does not read it, and returns when the server can
// write no more.
func blocked(t *testing.T, tw *Twitter) *http.Response {
	t.Helper()
	resp := asked(t, defaultSigner(), "GET", tw.StreamURL(), nil)
	last, since := uint64(0), time.Now()
	eventually(t, "the server is blocked", func() bool {
		if n := tw.Sent().Messages; n != last {
			last, since = n, time.Now()
		}
		return last > 0 && time.Since(since) > 300*time.Millisecond
	})
	return resp
}

func TestEvictsAClientThatDoesNotRead(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{SendBuffer: 16 << 10})
	blocked(t, tw)
	asked(t, defaultSigner(), "GET", tw.StreamURL(), nil)
	eventually(t, "the blocked stream has ended", func() bool { return tw.Connections()[0].End == endEvicted })
}

func TestAMessageCutByTheClientIsDoubtful(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{SendBuffer: 16 << 10})
	blocked(t, tw).Body.Close()
	eventually(t, "the end is recorded", func() bool { return tw.Connections()[0].End == endLeft })
	sent := tw.Sent()
	last := sent.Seqs[len(sent.Seqs)-1].Last
	if len(sent.Seqs) != 1 || last != sent.Messages || len(sent.Doubtful) != 1 || sent.Doubtful[0] != last+1 {
		t.Errorf("sent %+v, want the doubtful one behind the last", sent)
	}
}

func TestClientThatLeavesIsNoticed(t *testing.T) {
	t.Parallel()
	tw := startTwitter(t, TwitterConfig{Faults: []string{"stall"}})
	resp := asked(t, defaultSigner(), "GET", tw.StreamURL(), nil)
	resp.Body.Close()
	eventually(t, "the end is recorded", func() bool { return tw.Connections()[0].End == endLeft })
}

func TestRateIsKept(t *testing.T) {
	t.Parallel()
	start := time.Unix(1000, 0)
	p := pacer{rate: 100, start: start}
	total := 0
	for ms := range 5000 {
		n, _ := p.due(start.Add(time.Duration(ms) * time.Millisecond))
		p.given += float64(n)
		total += n
	}
	if total < 498 || total > 500 {
		t.Errorf("%d messages in 5 s at 100/s", total)
	}
	if n, _ := p.due(start.Add(time.Hour)); n > 101 {
		t.Errorf("%d messages at once after an hour, want a second's", n)
	}
	if n, next := p.due(start); n != 0 || next < time.Millisecond {
		t.Errorf("due before its time: %d, next in %v", n, next)
	}
}
