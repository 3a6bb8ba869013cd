// Package sandbox is a Twitter and a storage node for one machine: they speak
// what the real ones spoke, verify what the real ones verified, misbehave on
// request in every way that was ever reported of the real ones, and remember
// exactly what they sent and received, so that books can be balanced.
//
//	tw, err := sandbox.StartTwitter(sandbox.TwitterConfig{Rate: 1000})
//	node, err := sandbox.StartNode(sandbox.NodeConfig{})
//	path, err := sandbox.WriteConfig(dir, tw, node, nil) // for the binaries
//	tw.SetFault("half-message*1")                        // once
//	node.SetFault("503=2")                               // until cleared, Retry-After: 2
//	tw.Sent(); tw.Message(7); node.Objects(); node.Fetch(hash, key)
//
// A fault is written NAME[=ARGUMENT][*COUNT]: it stays until it has fired
// COUNT times, without COUNT until it is cleared. TwitterFaults and NodeFaults
// list the names; Fired tells whether one has really happened.
//
// It guarantees that what it checks, it checks by itself: signatures, framing,
// multipart bodies and encryption share no code with the programs that it is
// there to test, and none of their packages may be imported here.
package sandbox

import "github.com/storj/twitter-stream/pkg/sandbox/fault"

// Fault is one way to misbehave that a server knows.
type Fault = fault.Fault
