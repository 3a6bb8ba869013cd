//go:build !amd64 && !arm64

package stream

// looksValid knows nothing where the quick judge does not build (it is made for
// 64-bit processors): isMessage asks encoding/json about everything.
func looksValid([]byte) bool { return false }
