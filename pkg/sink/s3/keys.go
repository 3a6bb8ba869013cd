package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

// roleWait is how long one question to the service that hands out the keys of an
// instance's role may take: where there is none, nobody answers.
const roleWait = 2 * time.Second

// roleless is how long it is remembered that there is no such service.
const roleless = time.Minute

// noKeysError says that there are no keys, or that they could not be had.
type noKeysError struct{ err error }

func (e *noKeysError) Error() string { return e.err.Error() }
func (e *noKeysError) Unwrap() error { return e.err }

// chain looks for keys in the usual places, the configuration first. The library
// keeps what it finds and asks again when that has expired.
type chain struct {
	cfg  Config
	role credentials.Provider

	mu   sync.Mutex // guards what follows
	from credentials.Provider
	none time.Time // when the role was looked for in vain
}

func newChain(cfg Config) *chain {
	return &chain{cfg: cfg, role: &credentials.IAM{Client: &http.Client{Timeout: roleWait}}}
}

// IsExpired implements credentials.Provider.
func (c *chain) IsExpired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.from != nil && c.from.IsExpired()
}

// Retrieve implements credentials.Provider.
func (c *chain) Retrieve() (credentials.Value, error) {
	return c.RetrieveWithCredContext(credContext())
}

// RetrieveWithCredContext implements credentials.Provider.
func (c *chain) RetrieveWithCredContext(cc *credentials.CredContext) (credentials.Value, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.from = nil
	if value, err := c.configured(); err != nil || value.AccessKeyID != "" {
		return value, err
	}
	for _, usual := range []credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}} {
		value, err := usual.RetrieveWithCredContext(cc) // an error is that it has none
		if err == nil && value.AccessKeyID != "" && value.SecretAccessKey != "" {
			c.from = usual
			return value, nil
		}
	}
	return c.instance(cc)
}

func (c *chain) configured() (credentials.Value, error) {
	if c.cfg.Keys == nil {
		return credentials.Value{}, nil
	}
	keys, err := c.cfg.Keys()
	switch {
	case err != nil:
		return credentials.Value{}, &noKeysError{err}
	case keys == Keys{}:
		return credentials.Value{}, nil
	case keys.Access == "" || keys.Secret == "":
		return credentials.Value{}, &noKeysError{errors.New("S3_ACCESS_KEY and S3_SECRET_KEY: one is set without the other")}
	}
	return credentials.Value{
		AccessKeyID: keys.Access, SecretAccessKey: keys.Secret, SessionToken: keys.Session,
		SignerType: credentials.SignatureV4,
	}, nil
}

// instance asks for the keys of the machine's role, which takes some seconds
// where there is none.
func (c *chain) instance(cc *credentials.CredContext) (credentials.Value, error) {
	none := &noKeysError{errors.New("no keys: neither in the configuration, nor in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, nor in a profile file, nor has this machine a role")}
	if strings.EqualFold(os.Getenv("AWS_EC2_METADATA_DISABLED"), "true") || c.cfg.Now().Sub(c.none) < roleless {
		return credentials.Value{}, none
	}
	value, err := c.role.RetrieveWithCredContext(cc)
	if err == nil && value.AccessKeyID != "" {
		c.from = c.role
		return value, nil
	}
	c.none = c.cfg.Now()
	if err != nil {
		none = &noKeysError{fmt.Errorf("%w (%s)", none, redact.Text(err.Error()))}
	}
	return credentials.Value{}, none
}

func credContext() *credentials.CredContext {
	return &credentials.CredContext{Client: &http.Client{Timeout: roleWait}, Context: context.Background()}
}

// renewing makes a call, and makes it again when the keys were refused and there
// are others by now: those of a session expire.
func (b *Bucket) renewing(call func() error) error {
	used, _ := b.creds.GetWithContext(credContext()) // an error comes again with the request
	err := call()
	var refused *sink.Error
	if errors.As(err, &refused) && refused.Kind == sink.Credentials && b.renew(used) {
		err = call()
	}
	return err
}

// secretless takes out of what a bucket says what it got from us and nobody else
// may know.
func (b *Bucket) secretless(text string) string {
	keys, err := b.creds.GetWithContext(credContext())
	if err != nil {
		return text
	}
	for _, secret := range []string{keys.SessionToken, keys.SecretAccessKey} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "(secret)")
		}
	}
	return text
}

// renew looks for keys anew after used were refused, and reports whether there
// are others now.
func (b *Bucket) renew(used credentials.Value) bool {
	if now, err := b.creds.GetWithContext(credContext()); err == nil && now.AccessKeyID+now.SessionToken+now.SecretAccessKey != used.AccessKeyID+used.SessionToken+used.SecretAccessKey {
		return true // somebody else has
	}
	b.creds.Expire()
	now, err := b.creds.GetWithContext(credContext())
	return err == nil && (now.AccessKeyID != used.AccessKeyID || now.SecretAccessKey != used.SecretAccessKey || now.SessionToken != used.SessionToken)
}
