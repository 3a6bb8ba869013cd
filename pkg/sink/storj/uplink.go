package storj

import (
	"context"
	"errors"
	"io"
	"iter"

	"storj.io/uplink"
)

// project is what is asked of uplink: few calls, so that they can be faked.
type project interface {
	Stat(ctx context.Context, bucket, key string) (*uplink.Object, error)
	Upload(ctx context.Context, bucket, key string) (upload, error)
	Download(ctx context.Context, bucket, key string) (io.ReadCloser, error)
	// List names what lies below a prefix that is empty or ends in a slash.
	List(ctx context.Context, bucket, prefix string) iter.Seq2[*uplink.Object, error]
	Close() error
}

// upload is an object on its way; *uplink.Upload is one.
type upload interface {
	io.Writer
	SetCustomMetadata(ctx context.Context, custom uplink.CustomMetadata) error
	Commit() error
	Abort() error
}

// dial opens projects of the real network.
func dial(agent string) func(ctx context.Context, access string) (project, error) {
	return func(ctx context.Context, access string) (project, error) {
		grant, err := uplink.ParseAccess(access)
		if err != nil { // its text may quote the grant
			return nil, errGrant{errors.New("what STORJ_ACCESS holds is no access grant")}
		}
		p, err := uplink.Config{UserAgent: agent}.OpenProject(ctx, grant)
		if err != nil {
			return nil, err
		}
		return network{p}, nil
	}
}

// network is the real project.
type network struct{ *uplink.Project }

func (n network) Stat(ctx context.Context, bucket, key string) (*uplink.Object, error) {
	return n.StatObject(ctx, bucket, key)
}

func (n network) Upload(ctx context.Context, bucket, key string) (upload, error) {
	u, err := n.UploadObject(ctx, bucket, key, nil)
	if err != nil {
		return nil, err
	}
	return u, nil
}

func (n network) Download(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
	d, err := n.DownloadObject(ctx, bucket, key, nil)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (n network) List(ctx context.Context, bucket, prefix string) iter.Seq2[*uplink.Object, error] {
	return func(yield func(*uplink.Object, error) bool) {
		objects := n.ListObjects(ctx, bucket, &uplink.ListObjectsOptions{Prefix: prefix, Recursive: true, System: true, Custom: true})
		for objects.Next() {
			if !yield(objects.Item(), nil) {
				return
			}
		}
		if err := objects.Err(); err != nil {
			yield(nil, err)
		}
	}
}
