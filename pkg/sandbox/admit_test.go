package sandbox

import (
	"context"
	"testing"
	"time"
)

// A client that leaves between its request and its admission must not keep
// Close waiting for ever.
func TestCloseDoesNotWaitForWhoNeverCame(t *testing.T) {
	t.Parallel()
	tw, err := StartTwitter(TwitterConfig{})
	if err != nil {
		t.Fatal(err)
	}
	gone, leave := context.WithCancel(t.Context())
	leave()
	if err := tw.admit(gone, &feed{}); err == nil {
		t.Error("a client that is gone was admitted")
	}
	closed := make(chan error, 1)
	go func() { closed <- tw.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Close still waits")
	}
}
