package app

import (
	"os"
	"runtime"
)

// OneProcessor has one processor do all the work of this process, so that
// none is woken to help with what is done before it comes. A wait for the disk
// is no work: meanwhile the others go on. GOMAXPROCS, if set, stands.
func OneProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(1)
	}
}
