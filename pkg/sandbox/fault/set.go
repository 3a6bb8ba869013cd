// Package fault is the named ways to misbehave that a local server knows, and
// the switches by which they are thrown.
//
// A fault is written NAME[=ARGUMENT][*COUNT]: it stays until it has fired COUNT
// times, without COUNT until it is cleared. Beside its own names each server
// knows the error statuses 400 to 599 by their number.
//
// It must not know any server: what a fault does is theirs.
package fault

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is one way to misbehave that a server knows.
type Fault struct {
	Name string
	Arg  string // what the argument means; empty where there is none
	Does string
}

// New returns a fault.
func New(name, arg, does string) Fault { return Fault{name, arg, does} }

// Set is one server's switches. They may be thrown while requests run.
type Set struct {
	known []Fault

	mu      sync.Mutex
	active  map[string]*thrown
	fired   map[string]int
	changed chan struct{} // closed and replaced whenever active changes
	sets    uint64        // how often set was called
}

// thrown is a fault that is on.
type thrown struct {
	arg  string
	left int // how many more times; below zero: until cleared
}

// NewSet returns the switches of a server that knows these faults, all off.
func NewSet(known []Fault) *Set {
	return &Set{known: known, active: map[string]*thrown{}, fired: map[string]int{}, changed: make(chan struct{})}
}

// Throw replaces what is on; no specs turn everything off. The error names what
// a server does not know.
func (f *Set) Throw(specs ...string) error {
	active := map[string]*thrown{}
	for _, spec := range specs {
		name, t, err := f.parse(spec)
		if err != nil {
			return err
		}
		active[name] = t
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = active
	f.sets++
	close(f.changed)
	f.changed = make(chan struct{})
	return nil
}

// Check returns an error for what this server could not do.
func (f *Set) Check(spec string) error {
	_, _, err := f.parse(spec)
	return err
}

// parse reads NAME[=ARGUMENT][*COUNT].
func (f *Set) parse(spec string) (string, *thrown, error) {
	t := &thrown{left: -1}
	rest := spec
	if before, count, ok := cutLast(spec, "*"); ok {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 {
			return "", nil, fmt.Errorf("fault %q: %q is not a count of one or more", spec, count)
		}
		rest, t.left = before, n
	}
	name, arg, hasArg := strings.Cut(rest, "=")
	known, ok := f.find(name)
	switch {
	case !ok:
		return "", nil, fmt.Errorf("fault %q: unknown; known are %s", spec, strings.Join(f.names(), ", "))
	case hasArg && known.Arg == "":
		return "", nil, fmt.Errorf("fault %q: %s takes no argument", spec, name)
	}
	t.arg = arg
	return name, t, checkArg(known, spec, arg)
}

// checkArg refuses an argument that the fault could not use.
func checkArg(known Fault, spec, arg string) error {
	if arg == "" {
		return nil
	}
	var err error
	switch {
	case strings.HasPrefix(known.Arg, "duration"):
		_, err = time.ParseDuration(arg)
	case strings.HasPrefix(known.Arg, "number"):
		_, err = strconv.Atoi(arg)
	case strings.HasPrefix(known.Arg, "probability"):
		_, err = strconv.ParseFloat(arg, 64)
	}
	if err != nil {
		return fmt.Errorf("fault %q: %q is not a %s", spec, arg, known.Arg)
	}
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// find knows every error status by its number, beside the listed names.
func (f *Set) find(name string) (Fault, bool) {
	if i := slices.IndexFunc(f.known, func(k Fault) bool { return k.Name == name }); i >= 0 {
		return f.known[i], true
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 400 && n <= 599 {
		return Fault{Name: name, Arg: "number of seconds for Retry-After"}, true
	}
	return Fault{}, false
}

func (f *Set) names() []string {
	names := []string{"400 to 599"}
	for _, k := range f.known {
		names = append(names, k.Name)
	}
	return names
}

// Take reports whether a fault is on, and counts that it has fired.
func (f *Set) Take(name string) (arg string, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t, on := f.active[name]
	if !on {
		return "", false
	}
	f.fired[name]++
	if t.left > 0 {
		if t.left--; t.left == 0 {
			delete(f.active, name)
			close(f.changed)
			f.changed = make(chan struct{})
		}
	}
	return t.arg, true
}

// Peek reports whether a fault is on without counting it.
func (f *Set) Peek(name string) (arg string, on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t, ok := f.active[name]; ok {
		return t.arg, true
	}
	return "", false
}

// TakeStatus takes the first fault that is an error status by number.
func (f *Set) TakeStatus() (status int, retryAfter string, on bool) {
	f.mu.Lock()
	names := slices.Sorted(maps.Keys(f.active))
	f.mu.Unlock()
	for _, name := range names {
		if n, err := strconv.Atoi(name); err == nil {
			if arg, ok := f.Take(name); ok {
				return n, arg, true
			}
		}
	}
	return 0, "", false
}

// TakeAfter takes a fault whose argument says after how many messages of a
// connection it happens.
func (f *Set) TakeAfter(name string, messages uint64) bool {
	arg, on := f.Peek(name)
	if n, _ := strconv.ParseUint(arg, 10, 64); !on || messages < n {
		return false
	}
	_, on = f.Take(name)
	return on
}

// Duration is an argument that is a duration, or what it is without one.
func Duration(arg string, without time.Duration) time.Duration {
	if d, err := time.ParseDuration(arg); err == nil {
		return d
	}
	return without
}

// Changed returns a channel that is closed at the next change.
func (f *Set) Changed() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

// Setting tells one call of set from another; it is never 0 after the first.
func (f *Set) Setting() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sets
}

// Fired tells how often a fault has really happened.
func (f *Set) Fired(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.fired[name]
}

// Number reads an argument that is a number.
func Number(arg string) (int, error) { return strconv.Atoi(arg) }
