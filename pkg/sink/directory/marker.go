package directory

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/storj/twitter-stream/pkg/dirfs"
)

// Marker is the name of the file that makes a directory an archive. No object
// has such a name.
const Marker = ".twitter-stream-archive"

const (
	markerVersion = 1
	maxMarker     = 4 << 10 // bytes
)

// marker is the marker's content.
type marker struct {
	Archive string    `json:"archive"` // the id: 32 lower-case hex digits
	Version int       `json:"version"`
	Created time.Time `json:"created"`
}

var idForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// readMarker returns the archive's id; fs.ErrNotExist without a marker.
func readMarker(dir folder) (id string, err error) {
	info, err := dir.Lstat(Marker)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a regular file", Marker)
	}
	f, err := dir.Open(Marker)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // only read
	data, err := io.ReadAll(io.LimitReader(f, maxMarker))
	if err != nil {
		return "", err
	}
	return parseMarker(data)
}

func parseMarker(data []byte) (id string, err error) {
	var m marker
	if json.Unmarshal(data, &m) != nil || m.Version < 1 {
		return "", fmt.Errorf("%s is damaged", Marker)
	}
	if m.Version > markerVersion {
		return "", fmt.Errorf("%s is of version %d, which a newer program wrote", Marker, m.Version)
	}
	if !idForm.MatchString(m.Archive) {
		return "", fmt.Errorf("%s holds no id", Marker)
	}
	return m.Archive, nil
}

// writeMarker makes dir an archive and returns the new id. A marker that is
// there is not replaced: fs.ErrExist.
func writeMarker(dir *dirfs.Dir) (id string, err error) {
	var token [16]byte
	_, _ = rand.Read(token[:]) // never fails
	id = hex.EncodeToString(token[:])
	data, err := json.Marshal(marker{Archive: id, Version: markerVersion, Created: time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return "", err
	}
	err = withFile(dir, "marker", append(data, '\n'), func(temp string) error { return dir.Place(temp, Marker) })
	if err != nil {
		return "", err
	}
	return id, osFolder{dir}.Sync()
}

// withFile writes a temporary file, has it used, and removes what is left of it.
func withFile(dir *dirfs.Dir, name string, data []byte, use func(temp string) error) error {
	temp, f, err := osFolder{dir}.Create(name)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // it has been synced; open, it keeps its lock
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = use(temp)
	}
	if err != nil {
		_ = dir.Remove(temp) // else the next sweep finds it
	}
	return err
}
