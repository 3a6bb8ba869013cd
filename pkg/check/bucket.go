package check

import (
	"context"
	"errors"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
	"github.com/storj/twitter-stream/pkg/sink/s3"
	"github.com/storj/twitter-stream/pkg/sink/storj"
)

// Bucket looks whether an S3 bucket can be reached and written, and what of it a
// person would want to know. Nothing is left in it that the keys may remove.
func Bucket(cfg s3.Config) Check {
	return func(ctx context.Context) []Finding {
		bucket, err := s3.New(cfg)
		if err != nil {
			return []Finding{{"bucket", Fail, redact.Text(err.Error()), "check upload_url"}}
		}
		defer bucket.Close()
		look, err := bucket.Look(ctx)
		if err != nil {
			return []Finding{bucketTrouble(bucket.URL(), err)}
		}
		return bucketFindings(bucket.URL(), look)
	}
}

// Storj looks whether a bucket of the Storj network can be reached and written.
// Nothing is left in it.
func Storj(cfg storj.Config) Check {
	return func(ctx context.Context) []Finding {
		bucket, err := storj.New(cfg)
		if err != nil {
			return []Finding{{"bucket", Fail, redact.Text(err.Error()), "check upload_url"}}
		}
		defer bucket.Close()
		if err := bucket.Look(ctx); err != nil {
			return []Finding{bucketTrouble(bucket.URL(), err)}
		}
		return []Finding{{Topic: "bucket", Text: bucket.URL() + " can be written"}}
	}
}

func bucketTrouble(url string, err error) Finding {
	var e *sink.Error
	if !errors.As(err, &e) {
		return Finding{"bucket", Fail, url + ": no answer in time", "check endpoint in upload_url and the network; files wait in the store meanwhile"}
	}
	advice := e.Hint
	if advice == "" {
		advice = "check upload_url and the network; files wait in the store meanwhile"
	}
	return Finding{"bucket", Fail, url + ": " + redact.Text(e.Err.Error()), advice}
}

func bucketFindings(url string, look s3.Look) []Finding {
	all := []Finding{{Topic: "bucket", Text: url + " can be written"}}
	if !look.Listed {
		all = append(all, Finding{"bucket", Warn, "the keys may not list it: 'uploader rebuild' will not work, and what is missing looks forbidden",
			"allow s3:ListBucket"})
	}
	if look.Unread {
		all = append(all, Finding{"bucket", Warn, "the keys may not read it: a file whose receipt got lost stays here, and nothing is fetched or verified",
			"allow s3:GetObject below the prefix"})
	}
	if look.Stays {
		all = append(all, Finding{"bucket", Warn, "the keys may not remove unfinished uploads: one of this check stays, and parts of each 'uploader push' that fails, which are paid for",
			"allow s3:AbortMultipartUpload below the prefix, or have a lifecycle rule remove them"})
	}
	if look.Versioned {
		all = append(all, Finding{"bucket", Warn, "it keeps versions: what somebody removes stays, and is paid for",
			"nothing to do: twitter-stream overwrites and removes nothing"})
	}
	if look.Locked {
		text := "it has object lock"
		if look.Default != "" {
			text += ", " + redact.Text(look.Default) + " for each object"
		}
		all = append(all, Finding{"bucket", Warn, text + ": nothing can be removed before its time", "nothing to do, if that is what you want"})
	}
	return all
}
