package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/storj/twitter-stream/pkg/redact"
	"github.com/storj/twitter-stream/pkg/sink"
)

// Codes of the protocol (Amazon S3 API reference, error responses), of MinIO,
// versitygw and Storj's gateway, by what they ask of us where the status alone does not say.
var (
	credentialCodes = []string{"AccessDenied", "AllAccessDisabled", "AccountProblem", "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId",
		"InvalidClientTokenId", "InvalidSecurity", "InvalidToken", "NotSignedUp", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch",
		"TokenRefreshRequired", "UnrecognizedClientException", "XAdminUserNotFound"}
	misdirectedCodes = []string{"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "InvalidBucketName", "InvalidRegion",
		"MethodNotAllowed", "NoSuchBucket", "NotImplemented", "PermanentRedirect", "TemporaryRedirect"}
	temporaryCodes = []string{"ConditionalRequestConflict", "IncompleteBody", "InternalError", "InvalidPart", "NoSuchUpload", "OperationAborted",
		"RequestTimeout", "ServiceUnavailable", "SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling", "ThrottlingException"}
	damageCodes = []string{"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
	fullCodes   = []string{"StorageFull", "QuotaExceeded", "StorageLimitExceeded", "SegmentsLimitExceeded", "BandwidthLimitExceeded", "InsufficientStorage"}
)

// kindOf is the table of what an answer means.
func kindOf(status int, code string, html bool) sink.Kind {
	has := func(part string) bool { return strings.Contains(code, part) }
	switch {
	case slices.ContainsFunc(fullCodes, has), status == 402, status == 507:
		return sink.Pause
	case slices.Contains(temporaryCodes, code), slices.Contains(damageCodes, code):
		return sink.Temporary
	case slices.Contains(credentialCodes, code), status == 401, status == 403:
		return sink.Credentials
	case slices.Contains(misdirectedCodes, code), status/100 == 3, status == 501:
		return sink.Misdirected
	case status == 408, status == 409, status == 429, status >= 500:
		return sink.Temporary
	case status/100 == 2 && !html: // an error in a success, of a code that nobody knows
		return sink.Temporary
	case html, status < 300, status == 404, status == 405, status == 406, status == 410, status == 415, status == 416:
		return sink.Misdirected
	}
	return sink.Permanent
}

// isDamage reports whether the bucket got other bytes than it was promised.
func isDamage(err error) bool { return says(err, damageCodes...) }

// says reports whether an error is an answer of one of these codes.
func says(err error, codes ...string) bool {
	var said *refusal
	return errors.As(err, &said) && slices.Contains(codes, said.code)
}

// refusal is a bucket's answer, fit to be shown.
type refusal struct {
	status     int
	code, text string
}

func (r *refusal) Error() string {
	var b strings.Builder
	if r.status > 0 {
		b.WriteString(strconv.Itoa(r.status) + " ")
	}
	b.WriteString(r.code)
	if r.text != "" {
		b.WriteString(": " + r.text)
	}
	return strings.TrimSpace(b.String())
}

// explain turns a failed request into an error: ctx's, or a *sink.Error.
func (b *Bucket) explain(ctx, trying context.Context, name string, a *attempt, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var none *noKeysError
	if errors.As(err, &none) {
		e := b.fail(name, sink.Credentials, none)
		e.Hint = b.keysHint()
		return e
	}
	if a.body != nil {
		if fault := a.body.fault(); fault != nil {
			return b.fail(name, sink.Changed, fault)
		}
	}
	html := a.isPage()
	var said minio.ErrorResponse
	switch {
	case errors.As(err, &said) && a.status > 0:
		return b.refused(name, a, said, html)
	case html && a.status > 0, a.status >= 300: // also one whose body broke off
		return b.refused(name, a, minio.ErrorResponse{}, html)
	}
	return b.broken(ctx, trying, name, err)
}

// refused is an answer that is no success.
func (b *Bucket) refused(name string, a *attempt, said minio.ErrorResponse, html bool) error {
	said.Code, said.Message = b.secretless(said.Code), b.secretless(said.Message)
	r := &refusal{status: a.status, code: redact.Text(said.Code), text: redact.Text(said.Message)}
	if strings.HasPrefix(r.code, strconv.Itoa(a.status)) || said.Code == "" || html {
		r.code, r.text = http.StatusText(a.status), redact.Body(strings.NewReader(said.Message)) // the library's stand-in for no code
	}
	if r.text == r.code || strings.HasSuffix(r.text, r.code) {
		r.text = ""
	}
	if a.location != "" && a.status/100 == 3 {
		r.text = "the URL has moved to " + redact.URL(a.location)
	}
	e := b.fail(name, kindOf(a.status, said.Code, html), r)
	e.Status, e.RetryAfter = a.status, retryAfter(a.retryAfter, b.cfg.Now())
	e.Hint = b.hint(e.Kind, said, html)
	return e
}

const pageHint = "what answers there is a web page, not S3: check endpoint in upload_url"

// notS3 is a success that is none of S3's.
func (b *Bucket) notS3(name string, a *attempt) *sink.Error {
	kind := sink.Temporary // of a network that wants a login, say
	if a.isPage() && name == "" {
		kind = sink.Misdirected
	}
	e := b.fail(name, kind, fmt.Errorf("%d, but not as S3 answers", a.status))
	e.Status, e.Hint = a.status, "what answers there is not S3: check endpoint in upload_url"
	if a.isPage() {
		e.Err, e.Hint = fmt.Errorf("%d, but with a web page", a.status), pageHint
	}
	return e
}

// hint says what a person can do.
func (b *Bucket) hint(kind sink.Kind, said minio.ErrorResponse, html bool) string {
	moved := said.Region != "" && said.Region != b.at.region
	switch {
	case said.Code == "RequestTimeTooSkewed":
		return "set this machine's clock, for instance by switching NTP on"
	case kind == sink.Misdirected && moved:
		return "the bucket is in another region: write region=" + redact.Text(said.Region) + " into upload_url"
	case html && (kind == sink.Misdirected || kind == sink.Credentials):
		return pageHint
	case kind == sink.Misdirected && said.Code == "NoSuchBucket":
		return "there is no bucket " + b.at.bucket + " there: make it, or check bucket, endpoint and region in upload_url"
	case kind == sink.Misdirected:
		return "check bucket, endpoint and region in upload_url"
	case kind == sink.Credentials && strings.HasPrefix(said.Code, "ExpiredToken"):
		return "the keys have expired: get new ones; they are read again at each try. " + b.keysHint()
	case kind == sink.Credentials && said.Code == "AccessDenied":
		return "the keys are known but may not do this: they need s3:PutObject and s3:GetObject below the prefix; 'daemon check' tells more"
	case kind == sink.Credentials:
		return b.keysHint()
	case kind == sink.Pause:
		return "the bucket takes no more: make room or raise its quota; it is tried again from time to time"
	}
	return ""
}

func (b *Bucket) keysHint() string {
	where := b.cfg.KeysFile
	if where == "" {
		where = "the file that config_storage_filename names"
	}
	return "check S3_ACCESS_KEY and S3_SECRET_KEY in " + where + ", TWITTER_STREAM_S3_ACCESS_KEY and the like, or AWS_ACCESS_KEY_ID and the like"
}

// broken is a request without an answer.
func (b *Bucket) broken(ctx, trying context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if cause := context.Cause(trying); cause != nil {
		err = cause
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // the URL is named already
	}
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("the answer breaks off: %w", err)
	}
	return b.fail(name, sink.Temporary, errors.New(redact.Text(err.Error())))
}

func (b *Bucket) fail(name string, kind sink.Kind, err error) *sink.Error {
	return &sink.Error{Kind: kind, URL: b.at.shown, Name: redact.Text(name), Err: err}
}

// retryAfter reads the header's two forms: seconds and a date (RFC 9110, 10.2.3).
func retryAfter(value string, now time.Time) time.Duration {
	const most = 24 * time.Hour // no caller waits longer; keeps the product in range
	if s, err := strconv.ParseUint(strings.TrimSpace(value), 10, 31); err == nil {
		return min(time.Duration(s)*time.Second, most)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), most)
}

// notFound is ErrNotFound with the key that is not there.
func notFound(key string) error { return fmt.Errorf("%s: %w", redact.Text(key), sink.ErrNotFound) }
