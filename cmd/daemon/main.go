// Command daemon sets up authorisation once, then keeps grabber and uploader alive.
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
