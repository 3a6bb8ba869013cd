package resume

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
)

// X sends again what came in so many minutes. What was missed before those is
// told, whatever comes first on the connection.
func TestGapLongerThanTheBackfill(t *testing.T) {
	const stream = "https://api.x.com/2/tweets/sample/stream?backfill_minutes=2"
	post := func(at time.Time) []byte {
		return fmt.Appendf(nil, `{"data":{"id":"%d"}}`, (at.UnixMilli()-1_288_834_974_657)<<22)
	}
	for _, c := range []struct{ gap, want time.Duration }{{90 * time.Second, 0}, {5 * time.Minute, 3 * time.Minute}, {time.Hour, 58 * time.Minute}} {
		now, told, began := time.UnixMicro(start), []time.Time{}, time.Time{}
		m := New(network.X, stream, func() time.Time { return now }, func(from, to time.Time) {
			if !from.IsZero() {
				t.Errorf("told of a gap from %v: only the connection before knows", from)
			}
			told = append(told, to)
		})
		m.Fresh(post(now), nil, false)
		began = now
		now = now.Add(c.gap)
		u, err := url.Parse(stream)
		if err != nil {
			t.Fatal(err)
		}
		m.Prepare(u, http.Header{})
		m.Fresh(post(now.Add(-90*time.Second)), nil, false)
		m.Fresh(post(now), nil, false)
		switch {
		case c.want == 0 && len(told) == 0:
		case len(told) != 1 || told[0].Sub(began) != c.want:
			t.Errorf("after %v told of gaps until %v, want one of %v", c.gap, told, c.want)
		}
	}
}
