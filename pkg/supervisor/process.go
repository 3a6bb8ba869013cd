package supervisor

import (
	"os"
	"strconv"

	"github.com/storj/twitter-stream/pkg/process"
)

// childProcess is a child that runs. Signals reach its whole group.
type childProcess interface {
	handle
	PID() int
	// Wait blocks until it has ended; called once.
	Wait() exit
	// Quit asks for the stacks of all goroutines and the end.
	Quit() error
}

// handle is a process that can be ended.
type handle interface {
	// Terminate asks it to end; a stopped one is woken so that it can.
	Terminate() error
	Kill() error
}

// foreign is a process that is no child of ours.
type foreign interface {
	handle
	Release() error
}

// system is what the supervisor needs of the operating system; tests have one
// of their own.
type system struct {
	start  func(spec Child, out *os.File) (childProcess, error)
	find   func(pid int) (process.Identity, bool)
	parent func(pid int) (int, bool)
	open   func(pid int) (foreign, error)
}

func operatingSystem() system {
	return system{start: startProcess, find: process.Find, parent: process.Parent, open: openProcess}
}

// signalKilled is the name of SIGKILL in an exit.
const signalKilled = "killed"

// exit is how a process ended.
type exit struct {
	code   int
	signal string // its name, when one ended it
	err    error  // it could not be started or waited for
}

// exited reports whether it ended by itself, with a code.
func (e exit) exited() bool { return e.signal == "" && e.err == nil }

func (e exit) String() string {
	switch {
	case e.err != nil:
		return e.err.Error()
	case e.signal != "":
		return "signal " + e.signal
	}
	return "exit " + strconv.Itoa(e.code)
}
