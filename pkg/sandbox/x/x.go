// Package x is a local X API v2, as far as streams need it (docs.x.com,
// fundamentals/consuming-streaming-data, posts/filtered-stream, posts/
// volume-streams; OpenAPI 2.112 and 2.167): an app's bearer token, rules,
// streams with backfill, the number of connections, problems in X's words.
//
// It shares no code with the programs that it is there to test.
package x

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/live"
)

// keepAlive is how often a blank line comes at least.
const keepAlive = 20 * time.Second

// What the local X accepts; nothing of it is anybody's.
const (
	Key    = "sandbox-consumer-key"
	Secret = "sandbox-consumer-secret+/=%40"
	Token  = "AAAAAAAAAAAAAAAAAAAAAsandbox%2Bbearer%3Dtoken"
)

// Config says what an X is like. The zero value knows Key, Secret and Token,
// has one rule and lets an app have one connection.
type Config struct {
	live.Config
	Key, Secret, Token string
	NoRules            bool // it begins without any
	Connections        int  // an app may have; 0 is 1
}

// Server is a local X.
type Server struct {
	*live.Server
	cfg Config

	mu     sync.Mutex // guards what follows
	token  string     // that is good now; "" after it was invalidated
	minted int        // how many tokens there have been
	rules  []rule
	ids    int // of rules, so far
	slots  int // taken
	epoch  int // of the slots; freeing them all begins a new one
}

// Faults are those that it knows.
func Faults() []fault.Fault {
	return live.Faults(false,
		fault.New("too-many", "", "answers 429 TooManyConnections"),
		fault.New("evict", "", "lets a second connection in and drops the first"),
		fault.New("linger", "duration", "keeps the place of a connection that has gone (1m)"),
		fault.New("rate-limit", "number of seconds", "answers 429 with x-rate-limit-reset (1)"),
		fault.New("usage-cap", "", "answers 429 UsageCapExceeded"),
		fault.New("not-enrolled", "", "answers 403 client-forbidden"),
		fault.New("provisioning", "", "answers 503 ProvisioningSubscription"),
		fault.New("bad-rules", "", "answers 409 RulesInvalidIssue"),
		fault.New("disconnect", "disconnect_type", "says operational-disconnect and ends the stream (UpstreamOperationalDisconnect)"),
		fault.New("no-token", "", "refuses to give a token out (403, code 99)"),
	)
}

// Start returns an X that listens.
func Start(cfg Config) (*Server, error) {
	for _, value := range []struct {
		at  *string
		own string
	}{{&cfg.Key, Key}, {&cfg.Secret, Secret}, {&cfg.Token, Token}} {
		if *value.at == "" {
			*value.at = value.own
		}
	}
	cfg.Connections = max(1, cfg.Connections)
	inner, err := live.New(cfg.Config, live.Network{
		Faults: Faults(), KeepAlive: keepAlive, Streams: "/2/tweets/", Ends: []string{"disconnect"}, Refuse: refuse,
	})
	if err != nil {
		return nil, err
	}
	s := &Server{Server: inner, cfg: cfg, token: cfg.Token}
	if !cfg.NoRules {
		s.add(rule{Value: "waves -is:retweet", Tag: "sandbox"})
	}
	s.routes()
	return s, s.Listen()
}

func (s *Server) routes() {
	handle := func(pattern string, h http.HandlerFunc) {
		s.Mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if s.authorised(w, r) {
				h(w, r)
			}
		})
	}
	s.Mux.HandleFunc("POST /oauth2/token", s.giveToken)
	s.Mux.HandleFunc("POST /oauth2/invalidate_token", s.takeToken)
	handle("GET /2/tweets/search/stream/rules", s.listRules)
	handle("GET /2/tweets/search/stream/rules/counts", s.countRules)
	handle("POST /2/tweets/search/stream/rules", s.changeRules)
	handle("GET /2/connections", s.listConnections)
	handle("DELETE /2/connections/all", s.freeConnections)
	for _, path := range []string{
		"/2/tweets/search/stream", "/2/tweets/sample/stream", "/2/tweets/sample10/stream", "/2/tweets/firehose/stream",
		"/2/tweets/firehose/stream/lang/{lang}", "/2/tweets/compliance/stream", "/2/users/compliance/stream",
	} {
		handle("GET "+path, s.stream)
	}
	s.Mux.HandleFunc("/2/", func(w http.ResponseWriter, r *http.Request) { problem{Status: http.StatusNotFound}.answer(w) })
}

// StreamURL is the filtered stream's address.
func (s *Server) StreamURL() string { return s.URL() + "/2/tweets/search/stream" }

// Token is what a client must send as its bearer token now.
func (s *Server) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token
}

// authorised checks the bearer token, or says what is wrong with it.
func (s *Server) authorised(w http.ResponseWriter, r *http.Request) bool {
	how, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(how, "Bearer") && token != "" && token == s.Token():
		return true
	case strings.EqualFold(how, "OAuth"):
		unsupported.answer(w)
	default:
		problem{Status: http.StatusUnauthorized}.answer(w)
	}
	return false
}
