package cmd_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A first run on X asks for the application's key, and for no PIN.
func TestXFirstRun(t *testing.T) {
	t.Parallel()
	x := newX(t, oneRule)
	w := x.world(t, quick("grabber_cut_interval", "500ms"))
	if err := os.Remove(filepath.Join(w.dir, "config_twitter_api.ini")); err != nil {
		t.Fatal(err)
	}
	p := w.sit()
	p.asked("App key: ")
	p.types(xKey + "\n")
	p.asked("App secret (it is not shown): ")
	p.types("wrong\n")
	has(t, "a wrong secret", p.asked("App key: "), "Unable to verify your credentials", "What helps")
	p.types(xKey + "\n")
	p.asked("App secret (it is not shown): ")
	p.types(xSecret + "\n")
	p.asked("has given this application a token")
	x.send(20)
	eventually(t, "posts are stored", func() bool { return len(w.finished()) > 0 })
	if n := look(x, func() int { return x.tokens }); n != 1 {
		t.Errorf("%d tokens were fetched, want the one of the first run", n)
	}
	if strings.Contains(p.out.String(), xSecret) || strings.Contains(p.out.String(), "%2FBBBB") {
		t.Errorf("a secret is shown:\n%s", p.out)
	}
	p.stop()
	x.noSecret(t, w)
}
