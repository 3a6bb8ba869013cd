package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink/directory"
	"github.com/storj/twitter-stream/pkg/store"
)

func initDirCommand(frame *app.Frame) *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   "init-dir [PATH]",
		Short: "Make a directory an archive that files may be uploaded to",
		Long: `init-dir puts a marker, ` + directory.Marker + `, into the directory that upload_url
names, or PATH: only a directory with one is uploaded to, so that an empty mount
point is never taken for the archive. Mount its disk first. A directory that does
not exist is made, where the one above it does. One that holds other files is
refused without --force, which leaves them as they are.

Where there is a store it remembers the archive; run init-dir again to have it
take another one of the same path.`,
		Example: "  uploader init-dir\n  uploader init-dir /mnt/usb/tweets\n  uploader init-dir --force /srv/collected",
		Args:    app.Args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			return initDir(frame, args, force)
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "also a directory that holds other files")
	return cmd
}

func initDir(frame *app.Frame, args []string, force bool) error {
	cfg, err := frame.Load()
	if err != nil {
		return err
	}
	paths, err := archivePaths(cfg, args)
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := initOne(frame, cfg, path, force); err != nil {
			return err
		}
	}
	return nil
}

func initOne(frame *app.Frame, cfg *config.Config, path string, force bool) error {
	made, err := directory.Init(path, force)
	if err != nil {
		return &app.ConfigError{Err: err, Advice: initAdvice(err, path)}
	}
	shown := redact.Text(path)
	switch {
	case made.Already:
		fmt.Fprintf(frame.Out, "%s is an archive already (%.8s)\n", shown, made.ID)
	case made.Directory:
		fmt.Fprintf(frame.Out, "%s was made and is an archive now (%.8s)\n", shown, made.ID)
	case made.Foreign:
		fmt.Fprintf(frame.Out, "%s is an archive now (%.8s); what was in it stays as it is\n", shown, made.ID)
	default:
		fmt.Fprintf(frame.Out, "%s is an archive now (%.8s)\n", shown, made.ID)
	}
	return remember(frame, cfg, path, made.ID)
}

// archivePaths is where a person wants archives: the path that is given, or all
// directories that upload_url names.
func archivePaths(cfg *config.Config, args []string) (paths []string, err error) {
	if len(args) > 0 {
		path, ok := directory.Path(args[0])
		if !ok {
			path, err = filepath.Abs(args[0])
		}
		return []string{path}, err
	}
	for _, rawURL := range cfg.UploadURLs {
		if path, ok := directory.Path(rawURL); ok {
			paths = append(paths, path)
		}
	}
	if len(paths) == 0 {
		return nil, app.Usage(fmt.Errorf("init-dir: upload_url is no directory (%s): name one", redact.URL(cfg.UploadURL)))
	}
	return paths, nil
}

func initAdvice(err error, path string) string {
	switch {
	case errors.Is(err, directory.ErrForeign):
		return "choose an empty directory, or add --force: what is there stays as it is"
	case errors.Is(err, fs.ErrNotExist):
		return "mount its disk, or make " + filepath.Dir(path) + " first"
	case errors.Is(err, fs.ErrPermission):
		return "run it as a user who may write there; the uploader has to be able to as well"
	}
	return ""
}

// remember tells the store, if there is one, that this is its archive from now on.
func remember(frame *app.Frame, cfg *config.Config, path, id string) error {
	spool, err := store.Open(store.Config{Dir: cfg.StoreDir, Prefix: cfg.Prefix, WorkingName: cfg.WorkingName})
	if errors.Is(err, store.ErrNoStore) || errors.Is(err, os.ErrNotExist) {
		return nil // the first upload finds the marker
	}
	if err != nil {
		return err
	}
	defer spool.Close()
	memory := app.ArchiveMemory{Store: spool, URL: directory.URL(path)}
	known, err := memory.Recall()
	switch {
	case err == nil && known == id:
		return nil
	case err == nil && known != "":
		fmt.Fprintf(frame.Out, "the store shipped to another archive there (%.8s): from now on it ships to this one\n", known)
	}
	return memory.Remember(id) // also over one that is damaged
}
