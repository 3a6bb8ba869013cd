package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
)

func run(ctx context.Context, args []string, streams app.Streams) int {
	frame := app.New("daemon", streams)
	root := &cobra.Command{
		Use:   "daemon",
		Short: "Set up once, then keep grabber and uploader alive",
		Long: `daemon asks once for what is missing (application key, authorisation), then
starts grabber and uploader and keeps both alive until it is stopped.`,
		Example: `  daemon -c config.ini
  daemon check
  daemon status --watch`,
		Args: app.Args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return supervise(cmd.Context(), frame) },
	}
	frame.Root(root)
	frame.Override(root, "stream-url", "stream_url", "stream to capture, a `URL`")
	frame.Override(root, "upload-url", "upload_url", "node to upload to, or a directory: a `URL`")
	root.AddCommand(initCommand(frame), authCommand(frame), checkCommand(frame), statusCommand(frame), demoCommand(frame), sandboxCommand(frame))
	return frame.Execute(ctx, root, args)
}
