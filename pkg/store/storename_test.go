package store

import (
	"syscall"
	"testing"
)

// named makes a store that gets a name.
func named(m *memFS, name string) (*Store, error) {
	return Open(Config{Dir: "/mem", Prefix: capturePrefix, WorkingName: "grabber.dat", Create: true, Name: name, fs: m})
}

// A store has a name from when it is one, the first that it was given, whatever
// ends the making.
func TestNameDies(t *testing.T) {
	t.Parallel()
	eachOperation(t, func(t *testing.T, n int) bool {
		m := newMemFS()
		m.dieAt(n, diesHalf)
		_, _ = named(m, "host-1") // it dies
		all := m.powerCuts()
		all["kill"] = m.restart()
		for fate, next := range all {
			version, _ := next.find(versionFile)
			s, err := named(next, "host-2")
			if err != nil {
				t.Fatalf("%s at operation %d: %v", fate, n, err)
			}
			name, err := s.Name()
			if err != nil || name != "host-1" && (name != "host-2" || version != nil) {
				t.Errorf("%s at operation %d: named %q (%v), a store before: %v", fate, n, name, err, version != nil)
			}
		}
		return m.died()
	})
}

// A full disk is no reason to make a store without its name.
func TestNameFull(t *testing.T) {
	t.Parallel()
	eachOperation(t, func(t *testing.T, n int) bool {
		m, hit, full := newMemFS(), false, true
		m.fail = func(op memOp) error {
			hit = hit || op.n == n
			if full && op.n == n && takesRoom(op) {
				return syscall.ENOSPC
			}
			return nil
		}
		s, err := named(m, "host-1")
		if full = false; err != nil {
			s, err = named(m, "host-1")
		}
		if err != nil {
			t.Fatalf("no room at operation %d: %v\n%s", n, err, m.trace())
		}
		if name, err := s.Name(); name != "host-1" {
			t.Errorf("no room at operation %d: named %q (%v)", n, name, err)
		}
		return hit
	})
}
