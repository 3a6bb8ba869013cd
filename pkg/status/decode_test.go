package status

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestDecodeTakesWhatOlderAndNewerProgramsWrite(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, in string
		messages uint64
		ok       bool
	}{
		{"plain", `{"pid":7,"state":"capturing","messages":5}`, 5, true},
		{"older, without a field", `{"pid":7}`, 0, true},
		{"newer, with others", `{"pid":7,"messages":5,"shards":[{"a":1}]}`, 5, true},
		{"newer, of another type", `{"pid":7,"control":"many","since":null,"messages":5}`, 5, true},
		{"half written", `{"pid":7,"messages":`, 0, false},
		{"empty", ``, 0, false},
		{"null", `null`, 0, false},
		{"an array", `[7]`, 0, false},
		{"nobody's", `{"messages":5}`, 5, false},
		{"negative pid", `{"pid":-7,"messages":5}`, 5, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := DecodeGrabber([]byte(tt.in))
			if (err == nil) != tt.ok || tt.ok && (got.PID != 7 || got.Messages != tt.messages) {
				t.Errorf("DecodeGrabber(%s) = %+v, %v, want %d messages of pid 7, ok %v", tt.in, got, err, tt.messages, tt.ok)
			}
		})
	}
}

// The names are a contract: other programs read these files.
func TestFieldNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		in   any
		want []string
	}{
		{"grabber", Grabber{}, []string{"pid", "started", "time", "beat", "state", "messages", "bytes"}},
		{"uploader", Uploader{}, []string{"pid", "started", "time", "beat", "state", "uploaded", "bytes", "waiting", "rejected"}},
		{"daemon", Daemon{}, []string{"pid", "started", "time", "beat", "state", "children"}},
		{"child", Child{}, []string{"name", "pid", "state", "since", "restarts"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b, err := json.Marshal(tt.in)
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			for _, field := range tt.want {
				if _, ok := got[field]; !ok {
					t.Errorf("%s lacks %q", b, field)
				}
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"pid":7,"started":"2026-08-23T10:00:00Z","beat":3,"state":"capturing","messages":5,"control":{"delete":2}}`))
	f.Add([]byte(`{"pid":7,"uploaded":3,"waiting":-1,"oldest_waiting":"2026-08-23T10:00:00+24:00"}`))
	f.Add([]byte(`{"pid":7,"children":[{"name":"grabber","next_start":null}],"deaths":[{"ran_for":1e3}]}`))
	f.Add([]byte(`{"pid":7,"last_error_at":"9999-12-31T23:59:59-23:00"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		g, gerr := DecodeGrabber(b)
		again(t, g, gerr, DecodeGrabber)
		u, uerr := DecodeUploader(b)
		again(t, u, uerr, DecodeUploader)
		d, derr := DecodeDaemon(b)
		again(t, d, derr, DecodeDaemon)
		New(func([]byte) error { return nil }).Inherit(b)
	})
}

// again checks that what was read can be written and read once more.
func again[T any](t *testing.T, v T, err error, decode func([]byte) (T, error)) {
	t.Helper()
	if err != nil {
		return
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("encode %+v: %v", v, err)
	}
	got, err := decode(b)
	if err != nil {
		t.Fatalf("decode(%s) = %v", b, err)
	}
	b2, err := json.Marshal(got)
	if err != nil || !reflect.DeepEqual(b, b2) {
		t.Errorf("got %s, %v, want %s", b2, err, b)
	}
}
