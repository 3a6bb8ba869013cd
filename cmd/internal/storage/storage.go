// Package storage turns the configuration into that of a bucket's sink, and into
// the keys of its objects, the same
// for the uploader that ships to it and the daemon that checks it. The grabber
// does not link it.
//
// It must not know what the sink is made for.
package storage

import (
	"github.com/storj/twitter-stream/cmd/internal/app"
	"github.com/storj/twitter-stream/pkg/config"
	"github.com/storj/twitter-stream/pkg/sink/s3"
	"github.com/storj/twitter-stream/pkg/sink/storj"
)

// S3 is how the bucket of an upload URL is spoken to. Its keys are read
// anew whenever they are asked for.
func S3(cfg *config.Config, rawURL string, notice func(what, sentence string)) s3.Config {
	return s3.Config{
		URL: rawURL, Timeout: cfg.UploadTimeout, Agent: app.UserAgent(), Insecure: cfg.AllowInsecure,
		KeysFile: cfg.StorageFile, Notice: notice,
		Keys: func() (s3.Keys, error) {
			keys, err := cfg.Storage(rawURL)
			return s3.Keys{Access: keys.AccessKey, Secret: keys.SecretKey, Session: keys.SessionToken}, err
		},
	}
}

// Storj is how a bucket of the Storj network is reached, likewise.
func Storj(cfg *config.Config, rawURL string) storj.Config {
	return storj.Config{
		URL: rawURL, Timeout: cfg.UploadTimeout, Agent: app.UserAgent(), KeysFile: cfg.StorageFile,
		Access: func() (string, error) {
			keys, err := cfg.Storage(rawURL)
			return keys.StorjAccess, err
		},
	}
}
