package status

import (
	"encoding/json"
	"errors"
	"fmt"
)

// errNoPID refuses a status that does not say whose it is.
var errNoPID = errors.New("no pid")

// DecodeGrabber reads grabber.json. Like its siblings it takes what an older
// or newer program wrote: fields that it does not know are ignored, missing
// ones and those of another type are zero. It fails only on what is no status.
func DecodeGrabber(b []byte) (Grabber, error) {
	var g Grabber
	err := decode(b, &g, &g.Common)
	return g, err
}

// DecodeUploader reads uploader.json.
func DecodeUploader(b []byte) (Uploader, error) {
	var u Uploader
	err := decode(b, &u, &u.Common)
	return u, err
}

// DecodeDaemon reads daemon.json.
func DecodeDaemon(b []byte) (Daemon, error) {
	var d Daemon
	err := decode(b, &d, &d.Common)
	return d, err
}

func decodeCommon(b []byte) (Common, error) {
	var c Common
	err := decode(b, &c, &c)
	return c, err
}

// decode reads b into v, whose common fields are c.
func decode(b []byte, v any, c *Common) error {
	err := json.Unmarshal(b, v)
	var mistyped *json.UnmarshalTypeError // that field was skipped, the others are there
	if err != nil && !errors.As(err, &mistyped) {
		return fmt.Errorf("decode status: %w", err)
	}
	if c.PID <= 0 {
		return fmt.Errorf("decode status: %w", errNoPID)
	}
	// Some times can be read but not written (a zone of 24 hours). Who takes
	// one over could not write a status any more.
	if _, err := json.Marshal(v); err != nil {
		return fmt.Errorf("decode status: %w", err)
	}
	return nil
}
