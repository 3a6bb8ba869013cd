package x

import (
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// giveToken gives an app its bearer token: always the same one until it is
// invalidated (X, OAuth 2.0 application-only).
func (s *Server) giveToken(w http.ResponseWriter, r *http.Request) {
	if _, on := s.Faults.Take("no-token"); on || !s.isApp(r) {
		unverified(w)
		return
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if kind != "application/x-www-form-urlencoded" || r.FormValue("grant_type") != "client_credentials" {
		oldError(w, http.StatusForbidden, 170, "Missing required parameter: grant_type")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.token == "" {
		s.minted++
		s.token = s.cfg.Token + strconv.Itoa(s.minted)
	}
	wire.AnswerJSON(w, http.StatusOK, map[string]string{"token_type": "bearer", "access_token": s.token})
}

// takeToken makes a token worthless.
func (s *Server) takeToken(w http.ResponseWriter, r *http.Request) {
	if !s.isApp(r) {
		unverified(w)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	token := r.FormValue("access_token")
	if token == "" || token != s.token {
		oldError(w, http.StatusForbidden, 348, "Client application is not permitted to to invalidate this token.")
		return
	}
	s.token = ""
	wire.AnswerJSON(w, http.StatusOK, map[string]string{"access_token": token})
}

// isApp checks key and secret, each of which is escaped before they are joined
// (RFC 1738, as X demands).
func (s *Server) isApp(r *http.Request) bool {
	how, coded, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	plain, err := base64.StdEncoding.DecodeString(coded)
	if !strings.EqualFold(how, "Basic") || err != nil {
		return false
	}
	key, secret, _ := strings.Cut(string(plain), ":")
	key, err1 := url.PathUnescape(key)
	secret, err2 := url.PathUnescape(secret)
	return err1 == nil && err2 == nil && key == s.cfg.Key && secret == s.cfg.Secret
}

func unverified(w http.ResponseWriter) {
	wire.AnswerJSON(w, http.StatusForbidden, map[string]any{"errors": []map[string]any{
		{"code": 99, "label": "authenticity_token_error", "message": "Unable to verify your credentials"},
	}})
}

func oldError(w http.ResponseWriter, status, code int, message string) {
	wire.AnswerJSON(w, status, map[string]any{"errors": []map[string]any{{"code": code, "message": message}}})
}
