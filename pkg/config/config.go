// Package config reads config.ini, the two token files, the environment and
// flags into one checked value, and writes the token files. It is the only
// package that reads ini files or the environment.
//
// It guarantees that every problem is found in one run, each named by file,
// key, value and what is allowed; that secrets load and save byte for byte;
// that what it writes is 0600, replaced atomically, and read by Python's
// configparser too.
//
// It must not know what the values are for: packages declare the few that they
// need, and the commands fill them from here.
package config

import (
	"net/url"
	"path/filepath"
	"time"

	"github.com/storj/twitter-stream/pkg/network"
)

// Config is everything that config.ini can say, checked. Paths are absolute.
type Config struct {
	Path string // of config.ini, absolute
	Dir  string // where relative paths start: config.ini's directory

	CutBytes         int64 // grabber_cut_size, here in bytes
	StoreDir         string
	WorkingName      string
	GrabberRetries   int
	StreamURL        string       // "" when none; the first of several
	StreamSpare      []string     // the others
	StreamKind       network.Kind // resolved
	StreamToken      string
	StreamContact    string
	StreamDictionary string // a path, or ""
	DropCanaries     bool
	UploadURL        string   // "" when none; a directory's begins with file://; the first of several
	UploadURLs       []string // all of them: each gets every file
	UploadKey        string   // template of objects' keys, "" is each sink's default
	UploadBandwidth  int64    // bytes a second, 0 no limit
	LedgerCopy       string   // a path, or ""
	Compress         Compression
	StorageFile      string // config_storage_filename
	UploadRetries    int
	Prefix           string
	LogDir           string
	Warn             bool
	RequestTokenURL  string
	AuthorizeURL     string
	AccessTokenURL   string
	APIFile          string // config_twitter_api_filename
	OAuthFile        string // config_twitter_oauth_filename
	StreamAuth       string // resolved: oauth1, bearer or none; never auto
	StreamMethod     string
	StreamParameters url.Values

	Price, Budget int64 // of a post and of a month, in billionths of the unit of money; 0 is unset

	CutInterval, SyncInterval, StallTimeout, SilenceWarning time.Duration
	MaxMessage                                              int
	BackoffNetwork, BackoffHTTP, BackoffRateLimit           Span
	MinFree, MaxStore                                       int64
	UploadToken                                             string
	UploadConcurrency                                       int
	UploadTimeout                                           time.Duration
	UploadBackoff                                           Span
	HeartbeatTimeout                                        time.Duration
	RestartBackoff                                          Span
	LogMaxSize                                              int64
	LogMaxFiles                                             int
	AllowInsecure                                           bool

	Credentials Credentials
	Warnings    []string // unknown keys, loose modes, trimmed secrets: one sentence each

	streamURLs []string
	streamKind string

	storage storageSource

	origins map[string]origin // by key, also of the four credentials
}

// Compression is what finished files are packed by: "" or none, gzip or zstd, at
// a level; 0 is the usual one.
type Compression struct {
	Method string
	Level  int
}

// Span is a first and a longest wait, written "250ms-16s".
type Span struct{ First, Max time.Duration }

// Credentials are the four of Twitter, and X's; "" is unset.
type Credentials struct {
	ConsumerKey, ConsumerSecret  string
	OAuthToken, OAuthTokenSecret string
	BearerToken                  string // of the application, for X's API v2; may be unset where it can be fetched
	FetchedBearer                string // the one that was fetched with the present key and kept; see SaveBearer
}

// Source says where a configuration comes from. Of two places that set a key
// the first wins: flags, environment, file, default.
type Source struct {
	Path    string            // of config.ini; a missing file is an error that says what to do
	Flags   map[string]string // key to value, the strongest; relative paths start at config.ini's directory here too
	Environ []string          // os.Environ(); an empty variable counts as not set
	// NoCredentials leaves the token files and the variables of the four
	// alone: a process that does not sign must not see them.
	NoCredentials bool
	// NoStorage leaves the storage file and its variables alone: a process that
	// uploads nothing must not see them.
	NoStorage bool
}

// origin is where the value of a key came from.
type origin struct {
	file  string // path, "environment" or "flag"
	name  string // of the key there: its name, or the variable's
	text  string
	unset bool // it is the default
}

// Load reads and checks everything. The error is Errors: all problems at once;
// the Config beside it then holds nothing but Path, Dir and Warnings.
func Load(src Source) (*Config, error) {
	path, err := filepath.Abs(src.Path)
	if err != nil {
		return &Config{}, Errors{{File: src.Path, Allowed: "a path that can be made absolute"}}
	}
	l := &loader{
		src:     src,
		environ: variables(src.Environ),
		config:  &Config{Path: path, Dir: filepath.Dir(path), origins: map[string]origin{}},
	}
	l.readFile()
	l.readEnvironment()
	l.readFlags()
	l.setKeys()
	l.checkStream()
	if len(l.problems) == 0 { // a clash is only worth naming between values that are good by themselves
		l.checkStore()
		l.checkURLs()
		l.checkArchives()
		l.checkFiles()
		l.checkStorageFile()
	}
	if !src.NoCredentials && l.config.APIFile != "" && l.config.OAuthFile != "" {
		l.readCredentials()
	}
	if !src.NoStorage && l.config.StorageFile != "" {
		l.readStorage()
	}
	if len(l.problems) > 0 {
		return &Config{Path: path, Dir: l.config.Dir, Warnings: l.config.Warnings}, l.problems
	}
	return l.config, nil
}

// OverriddenBy returns the environment variable that sets a key of config.ini
// or one of the four credentials ("consumer_key" ...), "" when none does.
func (c *Config) OverriddenBy(key string) string {
	if o := c.origins[key]; o.file == fromEnvironment {
		return o.name
	}
	return ""
}

// Missing returns the names of the four credentials that are unset.
func (c Credentials) Missing() []string {
	var missing []string
	for _, credential := range []struct{ name, value string }{
		{"CONSUMER_KEY", c.ConsumerKey}, {"CONSUMER_SECRET", c.ConsumerSecret},
		{"OAUTH_TOKEN", c.OAuthToken}, {"OAUTH_TOKEN_SECRET", c.OAuthTokenSecret},
	} {
		if credential.value == "" {
			missing = append(missing, credential.name)
		}
	}
	return missing
}
