// Command grabber captures a social stream into the store.
// Its --help says the rest.
package main

import (
	"context"
	"os"

	"github.com/storj/twitter-stream/cmd/internal/app"
)

func main() {
	os.Exit(run(context.Background(), os.Args[1:], app.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
