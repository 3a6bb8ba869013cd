package directory

import "github.com/storj/twitter-stream/pkg/dirfs"

// Found is what Look saw.
type Found struct {
	ID   string
	Free int64 // bytes, -1 where the system does not tell
}

// Look looks whether there is an archive that can be written to: it makes a
// file and removes it. fs.ErrNotExist says that there is no directory, or none
// with a marker.
func Look(path string) (Found, error) {
	dir, err := dirfs.Open(path)
	if err != nil {
		return Found{}, err
	}
	defer dir.Close() //nolint:errcheck // nothing that must last
	found := Found{Free: -1}
	if found.ID, err = readMarker(osFolder{dir}); err != nil {
		return Found{}, err
	}
	if free, err := dir.Free(); err == nil {
		found.Free = free
	}
	return found, withFile(dir, "check", []byte("a check was here\n"), dir.Remove)
}
