//go:build !linux && !darwin

package process

import "time"

// boot cannot tell one boot from another here.
func boot() (string, time.Duration) { return "", 0 }
