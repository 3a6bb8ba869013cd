package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/store"
)

// TestStoreNames: two machines may have one name and the same paths, and copy
// their books to one place: each under its own name, which stays.
func TestStoreNames(t *testing.T) {
	cfg := &config.Config{StoreDir: "/var/lib/twitter-stream/store"}
	open := func(dir, name string) *store.Store {
		t.Helper()
		spool, err := store.Open(store.Config{Dir: dir, Prefix: "p-", WorkingName: "grabber.dat", Create: true, Name: name})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = spool.Close() })
		return spool
	}
	one, two := t.TempDir(), t.TempDir()
	first, second := StoreName(cfg, open(one, NewStoreName(cfg))), StoreName(cfg, open(two, NewStoreName(cfg)))
	if first == second {
		t.Errorf("the books of two machines both go to %s", first)
	}
	if again := StoreName(cfg, open(one, NewStoreName(cfg))); again != first {
		t.Errorf("a store that was %s is %s at its next start", first, again)
	}
	if old := StoreName(cfg, open(t.TempDir(), "")); old != OldStoreName(cfg) {
		t.Errorf("a store without a name is %s, want %s as ever", old, OldStoreName(cfg))
	}
	for _, name := range []string{"../x", "", "a/b", ".hidden", "x\x00y"} {
		if err := os.WriteFile(filepath.Join(two, ".state", "name"), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := StoreName(cfg, open(two, "")); got != OldStoreName(cfg) {
			t.Errorf("%q in .state/name names the store %q", name, got)
		}
	}
}
