package sink

import "errors"

// Again reports whether the same call may have another result later: trouble of
// the network, or a storage that takes a pause. Errors that are no *Error may
// be that, too.
func Again(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return true
	}
	return e.Kind == Temporary || e.Kind == Pause
}

// AsReading notes on an error of a sink that it was met in reading back or
// listing, and returns it.
func AsReading(err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Reading = true
	}
	return err
}
