package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// TwitterConfig says what a local Twitter is like. The zero value is one that
// sends made-up messages as fast as it can.
type TwitterConfig struct {
	Addr        string      // where to listen; "" is 127.0.0.1:0
	Credentials Credentials // what it accepts; the zero value is DefaultCredentials
	Open        bool        // accept streams without a signature
	Rate        float64     // messages a second; 0 is as fast as it can
	Messages    uint64      // how many in all, then the stream ends and later ones stay silent; 0 is endless
	Replay      string      // a file of messages, one a line, or a directory of such; "" makes them up
	Loop        bool        // begin the replay anew at its end
	KeepAlive   time.Duration
	// ChunkBytes cuts the body into HTTP chunks of so many bytes, wherever
	// that falls; 0 is a chunk a message.
	ChunkBytes int
	SendBuffer int // bytes of the system's buffer a connection; 0 leaves it alone
	Faults     []string
}

// Twitter is a local Twitter: the three endpoints of the PIN flow, the sample
// and the filter stream. It is an http.Handler; StartTwitter also listens.
type Twitter struct {
	cfg       TwitterConfig
	authority *authority
	tokens    tokens
	faults    *fault.Set
	book      *book
	supply    supply
	mux       *http.ServeMux
	server    *wire.Server // nil without StartTwitter

	mu     sync.Mutex
	feeds  []*feed // live, oldest first
	closed chan struct{}
	ended  sync.WaitGroup
}

// NewTwitter returns a Twitter that somebody else serves. Close it in the end.
func NewTwitter(cfg TwitterConfig) (*Twitter, error) {
	if cfg.Credentials == (Credentials{}) {
		cfg.Credentials = DefaultCredentials()
	}
	if cfg.KeepAlive <= 0 {
		cfg.KeepAlive = 30 * time.Second
	}
	t := &Twitter{
		cfg: cfg, faults: fault.NewSet(TwitterFaults()), book: newBook(cfg.Messages),
		supply: madeUp{newMaker()}, closed: make(chan struct{}),
	}
	t.authority = &authority{now: t.now, nonces: map[string]int64{},
		consumers: map[string]string{cfg.Credentials.ConsumerKey: cfg.Credentials.ConsumerSecret}}
	t.tokens.pending = map[string]*authorisation{}
	t.tokens.access = map[string]string{cfg.Credentials.OAuthToken: cfg.Credentials.OAuthTokenSecret}
	if err := t.SetFault(cfg.Faults...); err != nil {
		return nil, err
	}
	if cfg.Replay != "" {
		p, err := openReplay(cfg.Replay, cfg.Loop)
		if err != nil {
			return nil, err
		}
		t.supply = p
	}
	t.routes()
	return t, nil
}

// StartTwitter returns a Twitter that listens.
func StartTwitter(cfg TwitterConfig) (*Twitter, error) {
	t, err := NewTwitter(cfg)
	if err != nil {
		return nil, err
	}
	if t.server, err = wire.Listen(cfg.Addr, t); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Twitter) routes() {
	t.mux = http.NewServeMux()
	t.mux.HandleFunc("POST /oauth/request_token", t.requestToken)
	t.mux.HandleFunc("GET /oauth/authorize", t.authorize)
	t.mux.HandleFunc("POST /oauth/access_token", t.accessToken)
	t.mux.HandleFunc("GET /1.1/account/verify_credentials.json", t.verifyCredentials)
	t.mux.HandleFunc("GET /1.1/statuses/sample.json", t.stream)
	t.mux.HandleFunc("GET /1.1/statuses/filter.json", t.stream)
	t.mux.HandleFunc("POST /1.1/statuses/filter.json", t.stream)
	t.mux.HandleFunc("/1.1/", func(w http.ResponseWriter, _ *http.Request) {
		jsonError(w, http.StatusNotFound, 34, "Sorry, that page does not exist")
	})
	wire.Control(t.mux, t.faults, func() any { return t.Sent() })
}

// now is this Twitter's clock, which a fault may set wrong.
func (t *Twitter) now() time.Time {
	skew, _ := t.faults.Peek("skew")
	return time.Now().Add(fault.Duration(skew, 0))
}

// ServeHTTP implements http.Handler. A stream's call returns when it ends.
func (t *Twitter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	record := &wire.Recorder{ResponseWriter: w}
	if _, on := t.faults.Peek("skew"); on {
		defer t.faults.Take("skew")
		w.Header().Set("Date", t.now().UTC().Format(http.TimeFormat))
	}
	defer func() {
		t.book.attempt(Attempt{time.Now(), r.Method, r.URL.Path, r.UserAgent(), record.Status})
	}()
	if t.connectFault(record, r) {
		return
	}
	t.mux.ServeHTTP(record, r)
}

// verifyCredentials is the REST call that tells whether a token is good; its
// errors are the API's JSON.
func (t *Twitter) verifyCredentials(w http.ResponseWriter, r *http.Request) {
	if _, why, in := t.authority.check(r, t.tokens.accessSecret); !in {
		jsonError(w, why.status(), why.code(), why.message())
		return
	}
	wire.AnswerJSON(w, http.StatusOK, map[string]any{"id": 1, "id_str": "1", "screen_name": "sandbox", "name": "Sandbox"})
}

// URL is where this Twitter listens, without a slash at the end.
func (t *Twitter) URL() string { return t.server.URL() }

// StreamURL is the sample stream's address.
func (t *Twitter) StreamURL() string { return t.URL() + "/1.1/statuses/sample.json" }

// Credentials are those that it accepts.
func (t *Twitter) Credentials() Credentials { return t.cfg.Credentials }

// SetFault replaces the faults that are on by these; none turns all off. Live
// streams notice at their next message.
func (t *Twitter) SetFault(specs ...string) error { return t.faults.Throw(specs...) }

// Fired tells how often a fault has really happened.
func (t *Twitter) Fired(name string) int { return t.faults.Fired(name) }

// Sent tells what has been sent so far.
func (t *Twitter) Sent() Sent {
	sent, _, _ := t.book.snapshot()
	return sent
}

// Connections are all streams that were opened, oldest first.
func (t *Twitter) Connections() []Connection {
	_, conns, _ := t.book.snapshot()
	return conns
}

// Attempts are the last requests that were answered (a stream: that have
// ended), oldest first.
func (t *Twitter) Attempts() []Attempt {
	_, _, attempts := t.book.snapshot()
	return attempts
}

// Message returns the bytes that were or will be sent under a number, without
// a line end; nil for a replay, whose messages have none.
func (t *Twitter) Message(seq uint64) []byte {
	if msg, ok := t.book.specialMessage(seq); ok {
		return slices.Clone(msg)
	}
	if m, ok := t.supply.(madeUp); ok {
		msg, _ := m.append(nil, seq)
		return msg
	}
	return nil
}

// Close ends all streams and the server, and waits for them. It is idempotent.
func (t *Twitter) Close() error {
	t.mu.Lock()
	select {
	case <-t.closed:
		t.mu.Unlock()
		return nil
	default:
	}
	close(t.closed)
	for _, f := range t.feeds {
		f.stop(endClosed)
	}
	t.mu.Unlock()
	err := t.server.Close()
	t.ended.Wait()
	if e := t.supply.Close(); err == nil {
		err = e
	}
	return err
}

// admit adds a live stream. As Twitter did, it lets an account have one: the
// oldest of the same token is told and dropped (disconnect code 7).
func (t *Twitter) admit(ctx context.Context, f *feed) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.closed:
		return fmt.Errorf("closed: %w", context.Canceled)
	default:
	}
	for _, other := range t.feeds {
		if !t.cfg.Open && other.token == f.token {
			other.stop(endEvicted)
		}
	}
	if ctx.Err() != nil { // the client is gone already: nobody would let this feed leave
		return ctx.Err()
	}
	t.feeds = append(t.feeds, f)
	t.ended.Add(1)
	return nil
}

func (t *Twitter) leave(f *feed) {
	t.mu.Lock()
	t.feeds = slices.DeleteFunc(t.feeds, func(other *feed) bool { return other == f })
	t.mu.Unlock()
	t.ended.Done()
}
