//go:build !unix

package config

import "os"

// keepOwner cannot do anything here: files belong to who made them.
func keepOwner(*os.File, string) error { return nil }

// syncDir cannot do anything here: directories cannot be opened to be flushed.
func syncDir(string) error { return nil }

// warnLoose cannot tell here: who may read a file is not in its mode.
func (*loader) warnLoose(string, bool) {}
