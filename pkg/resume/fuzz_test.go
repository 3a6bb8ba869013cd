package resume

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/storj/twitter-stream/pkg/network"
)

// Whatever .state/resume holds, nothing panics, and what was loaded is loaded
// again after it was saved.
func FuzzLoad(f *testing.F) {
	m := New(network.SSE, "https://example.org/x", fixed, nil)
	for i := range 200 {
		m.Fresh([]byte(`{}`), []byte{byte('a' + i%20)}, false)
	}
	f.Add(store(m, 200))
	f.Add([]byte(`{"stream":"sse example.org/x","position":"7","at":-1,"keys":0,"passed":18446744073709551615}` + "\n"))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, kind := range []network.Kind{network.SSE, network.Jetstream, network.File} {
			m := New(kind, "https://example.org/x", fixed, nil)
			if kind != network.SSE {
				m.id = "sse example.org/x"
			}
			if m.Load(data) != nil {
				continue
			}
			m.Recall([]byte(`{"a":1}`))
			m.Prepare(&url.URL{}, http.Header{})
			for _, id := range []string{"1", "1", "2"} {
				m.Fresh([]byte(`{"a":1}`), []byte(id), false)
			}
			m.Stored([]byte("\n\n\n"))
			if saved := m.Save(m.Cut()); saved != nil {
				again := New(kind, "https://example.org/x", fixed, nil)
				again.id = m.id
				if err := again.Load(saved); err != nil {
					t.Fatalf("%s: what was saved cannot be loaded: %v", kind, err)
				}
			}
		}
	})
}
