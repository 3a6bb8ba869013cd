// Command uploader ships finished files from the store to a storage node.
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
