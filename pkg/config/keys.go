package config

import (
	"net/url"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
)

// Key describes one key of config.ini.
type Key struct {
	Name     string // as in the file; TWITTER_STREAM_ and the name in capitals in the environment
	Default  string // as it would be written
	Meaning  string // one line: what it does, units, what 0 means
	Original bool   // a key of the original too
	Secret   bool   // the value is never shown
}

// key is a Key and how its value gets into a Config.
type key struct {
	Key
	set func(c *Config, value string) error // the error's text says what is allowed
	url bool
}

// Keys returns all keys of config.ini in the file's order.
func Keys() []Key {
	list := make([]Key, len(keys))
	for i, k := range keys {
		list[i] = k.Key
	}
	return list
}

// find returns the key of that name, or a key that hides its value.
func find(name string) (k key, ok bool) {
	for _, k := range keys {
		if k.Name == name {
			return k, true
		}
	}
	return key{Key: Key{Name: name, Secret: true}}, false
}

const (
	kib, mib, gib = int64(1) << 10, int64(1) << 20, int64(1) << 30
	many          = 1000000
	none          = "none"
)

func original(name, value, meaning string, set func(*Config, string) error) key {
	return key{Key: Key{Name: name, Default: value, Meaning: meaning, Original: true}, set: set}
}

func ours(name, value, meaning string, set func(*Config, string) error) key {
	return key{Key: Key{Name: name, Default: value, Meaning: meaning}, set: set}
}

func (k key) isURL() key    { k.url = true; return k }
func (k key) isSecret() key { k.Secret = true; return k }

// keys is the one table that the file, the environment, flags, the hints and
// the documentation's tests go by.
var keys = append(originalKeys(), ownKeys()...)

func originalKeys() []key {
	return []key{
		original("grabber_cut_size", "1024", "largest finished file, in KiB (a longer single message gets a file of its own)",
			field(func(c *Config) *int64 { return &c.CutBytes }, kibibytes)),
		original("grabber_storage_directory", "store", "the store: where messages are captured and finished files wait for upload",
			filePath(func(c *Config) *string { return &c.StoreDir })),
		original("grabber_temp_file", "grabber.dat", "working file in the store, a bare name",
			field(func(c *Config) *string { return &c.WorkingName }, bareName)),
		original("grabber_retries", "2", "connection tries that may fail in a row before the grabber gives up (the daemon starts it again)",
			field(func(c *Config) *int { return &c.GrabberRetries }, number(0, many))),
		original("stream_url", "https://stream.twitter.com/1.1/statuses/sample.json", "the stream to capture, or none; several URLs of one stream, with blanks between, are used in turn when one fails; file:///path or - reads a file or standard input",
			field(func(c *Config) *[]string { return &c.streamURLs }, streamURLs)).isURL(),
		original("request_token_url", "https://api.twitter.com/oauth/request_token", "OAuth: where a request token is had",
			field(func(c *Config) *string { return &c.RequestTokenURL }, plainURL)).isURL(),
		original("authorize_url", "https://api.twitter.com/oauth/authorize?oauth_token=", "OAuth: the page that shows the PIN, with or without ?oauth_token= at its end",
			field(func(c *Config) *string { return &c.AuthorizeURL }, httpURL)).isURL(),
		original("access_token_url", "https://api.twitter.com/oauth/access_token", "OAuth: where the PIN is exchanged for an access token",
			field(func(c *Config) *string { return &c.AccessTokenURL }, plainURL)).isURL(),
		original("config_twitter_api_filename", "config_twitter_api.ini", "file of the application's key and secret",
			filePath(func(c *Config) *string { return &c.APIFile })),
		original("config_twitter_oauth_filename", "config_twitter_oauth.ini", "file of the access token and its secret",
			filePath(func(c *Config) *string { return &c.OAuthFile })),
		original("upload_url", "http://node2.storj.io/api/upload", "where every finished file goes: a node's http(s) URL, S3 (s3://bucket/prefix?endpoint=...&region=...), Storj (sj://bucket/prefix), a directory (file:///path, or a path), several of them with blanks between (each gets every file), or none",
			uploadURLs).isURL(),
		original("upload_retries", "5", "tries for a file before it is postponed or set aside",
			field(func(c *Config) *int { return &c.UploadRetries }, number(1, many))),
		original("tweet_file_prefix", "Sodefaksd231-", "what the names of finished files begin with; only such files are uploaded",
			field(func(c *Config) *string { return &c.Prefix }, prefix)),
		original("log_directory", "logs", "where the log files are",
			filePath(func(c *Config) *string { return &c.LogDir })),
		original("warn", "1", "whether the notice on key storage is still to be shown; the daemon sets it to 0",
			field(func(c *Config) *bool { return &c.Warn }, boolean)),
	}
}

func ownKeys() []key {
	return append(captureKeys(), append(uploadKeys(), processKeys()...)...)
}

func captureKeys() []key {
	return []key{
		ours("stream_kind", "auto", "what the stream is: twitter, x, jetstream, mastodon, wikimedia, json, sse, websocket or file; auto: by scheme, host and path of stream_url",
			field(func(c *Config) *string { return &c.streamKind }, oneOf(append([]string{"auto"}, network.Names()...)...))),
		ours("stream_auth", "auto", "how the stream is asked for: oauth1, bearer or none; auto: Twitter's hosts and loopback by path (/1.1/ oauth1, /2/ bearer), bearer where stream_token is set, all else none",
			field(func(c *Config) *string { return &c.StreamAuth }, oneOf("auto", "oauth1", "bearer", none))),
		ours("stream_token", "", "token sent as Authorization: Bearer, such as a Mastodon user's (secret); X: BEARER_TOKEN in the file of the application's key is used, or a token is fetched with the key and kept beside it",
			field(func(c *Config) *string { return &c.StreamToken }, anything)).isSecret(),
		ours("stream_dictionary", "", "a zstd dictionary by which a Jetstream packs, to half as many bytes (the file zstd_dictionary of the Jetstream project); empty: that which the server offers, else uncompressed",
			optionalPath(func(c *Config) *string { return &c.StreamDictionary })),
		ours("stream_contact", "", "your address, a mail's or a page's, added to User-Agent: Wikimedia asks for one",
			field(func(c *Config) *string { return &c.StreamContact }, contact)),
		ours("stream_canaries", "keep", "Wikimedia's test events: keep or drop; they are counted in any case",
			field(func(c *Config) *bool { return &c.DropCanaries }, canaries)),
		ours("stream_method", "GET", "GET, or POST: stream_parameters are sent as a signed form",
			field(func(c *Config) *string { return &c.StreamMethod }, oneOf("GET", "POST"))),
		ours("stream_parameters", "", "parameters of the stream, written as in a URL: track=storj&language=en; X: tweet.fields and expansions here or in stream_url take the place of those that are asked for by default, an empty one asks for none",
			field(func(c *Config) *url.Values { return &c.StreamParameters }, form)),
		ours("stream_price", "0", "X: what a post costs, such as 0.005, in any unit of money; what is spent is then shown by daemon status; 0: not summed up",
			field(func(c *Config) *int64 { return &c.Price }, money)),
		ours("stream_budget", "0", "X: what a month (UTC) may cost, in the unit of stream_price: warned at 80 %, at 100 % capture pauses until the next month; 0 no limit",
			field(func(c *Config) *int64 { return &c.Budget }, money)),
		ours("grabber_cut_interval", "15m", "a working file that is not empty is finished after this even if it is small; 0 never",
			field(func(c *Config) *time.Duration { return &c.CutInterval }, duration(0))),
		ours("grabber_sync_interval", "1s", "longest time before captured bytes are fsynced; 0 after every write",
			field(func(c *Config) *time.Duration { return &c.SyncInterval }, duration(0))),
		ours("grabber_stall_timeout", "90s", "no byte for this long: reconnect (X, unless this is set: 30s, since a keep-alive comes every 20s)",
			field(func(c *Config) *time.Duration { return &c.StallTimeout }, duration(10*time.Millisecond))),
		ours("grabber_silence_warning", "10m", "keep-alives but no message for this long: warned and shown; 0 never",
			field(func(c *Config) *time.Duration { return &c.SilenceWarning }, duration(0))),
		ours("grabber_max_message", "16MiB", "a longer message is skipped, counted and logged",
			field(func(c *Config) *int { return &c.MaxMessage }, smallSize(kib, 64*mib))),
		ours("grabber_backoff_network", "250ms-16s", "first and longest wait after a network failure, growing by the first",
			field(func(c *Config) *Span { return &c.BackoffNetwork }, span)),
		ours("grabber_backoff_http", "5s-320s", "first and longest wait after an HTTP error, doubling",
			field(func(c *Config) *Span { return &c.BackoffHTTP }, span)),
		ours("grabber_backoff_rate_limit", "60s-960s", "first and longest wait after a rate limit, doubling",
			field(func(c *Config) *Span { return &c.BackoffRateLimit }, span)),
		ours("grabber_compress", "none", "finished files are compressed: none, gzip or zstd, with a level if wanted (zstd:3)",
			field(func(c *Config) *Compression { return &c.Compress }, compression)),
		ours("store_min_free", "64MiB", "less free disk than this: capture pauses with a clear error, goes on when there is room",
			field(func(c *Config) *int64 { return &c.MinFree }, size(0, 1<<60))),
		ours("store_max", "0", "a larger store than this: capture pauses likewise; 0 no limit",
			field(func(c *Config) *int64 { return &c.MaxStore }, size(0, 1<<60))),
	}
}

func uploadKeys() []key {
	return []key{
		ours("upload_key", "", "where an object goes in a bucket or a directory, such as {prefix}/dt={date}/hour={hour}/{name}; {name} has to be in it, {host} and {stream} may; empty: dt={date}/hour={hour}/{name}",
			field(func(c *Config) *string { return &c.UploadKey }, keyTemplate)),
		ours("upload_bandwidth", "0", "most bytes a second that all uploads together send, such as 2MiB; 0 no limit",
			field(func(c *Config) *int64 { return &c.UploadBandwidth }, size(0, 1<<40))),
		ours("ledger_copy", "", "a second directory, which must exist, best on another disk: each line of the books in ledger/ is copied there too; empty: none",
			optionalPath(func(c *Config) *string { return &c.LedgerCopy })),
		ours("config_storage_filename", "config_storage.ini", "file of the keys of S3 and Storj, where the environment does not give them",
			filePath(func(c *Config) *string { return &c.StorageFile })),
		ours("upload_token", "", "the node's token form field, if it wants one (secret)",
			field(func(c *Config) *string { return &c.UploadToken }, anything)).isSecret(),
		ours("upload_concurrency", "4", "files in flight, to each place",
			field(func(c *Config) *int { return &c.UploadConcurrency }, number(1, 256))),
		ours("upload_timeout", "60s", "no progress on the connection, or of the directory, for this long: the try has failed; never a limit on a whole upload",
			field(func(c *Config) *time.Duration { return &c.UploadTimeout }, duration(10*time.Millisecond))),
		ours("upload_backoff", "1s-60s", "first and longest wait between tries of one file, doubling",
			field(func(c *Config) *Span { return &c.UploadBackoff }, span)),
	}
}

func processKeys() []key {
	return []key{
		ours("heartbeat_timeout", "30s", "a child whose beat stands still for longer is hung, and restarted",
			field(func(c *Config) *time.Duration { return &c.HeartbeatTimeout }, duration(3*time.Second))),
		ours("restart_backoff", "1s-5m", "first and longest wait before a child that crashes is started again, doubling",
			field(func(c *Config) *Span { return &c.RestartBackoff }, span)),
		ours("log_max_size", "10MiB", "a log file is rotated at this size (rounded up to whole MiB)",
			field(func(c *Config) *int64 { return &c.LogMaxSize }, size(mib, gib))),
		ours("log_max_files", "10", "rotated files kept of each log",
			field(func(c *Config) *int { return &c.LogMaxFiles }, number(1, 1000))),
		ours("allow_insecure", "0", "1 sends credentials over plain http to other machines too, with a warning at each start",
			field(func(c *Config) *bool { return &c.AllowInsecure }, boolean)),
	}
}
