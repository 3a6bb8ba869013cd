//go:build !unix

package process

// NoCoreDump cannot do anything here: there is no such limit.
func NoCoreDump() error { return nil }
