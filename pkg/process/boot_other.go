//go:build !linux && !darwin

package process

import "time"

// Nothing tells one boot from another here.
func boot() string          { return "" }
func uptime() time.Duration { return 0 }
