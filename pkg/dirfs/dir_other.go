//go:build unix && !linux && !darwin

package dirfs

import "errors"

// This system offers no rename that refuses to replace, nor one way to ask for
// free space that all its kind share: a look before the rename stands in for
// the first, store_min_free does nothing for want of the second.

func renameNoReplace(*Dir, string, string) error { return errors.ErrUnsupported }

func freeBytes(*Dir) (int64, error) { return 0, errors.ErrUnsupported }
