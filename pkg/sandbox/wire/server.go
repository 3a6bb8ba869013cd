// Package wire is what the local servers have in common below their protocols:
// a listener, a response whose connection can be cut at any byte, a body whose
// messages are counted as they leave, and the switches' HTTP endpoints.
//
// It must not know what a message is.
package wire

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
)

// Server is a listening HTTP server. A nil one is none.
type Server struct {
	listener net.Listener
	http     *http.Server
	done     chan struct{}
}

// Listen serves handler at addr; "" is 127.0.0.1:0.
func Listen(addr string, handler http.Handler) (*Server, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &Server{listener: l, done: make(chan struct{}), http: &http.Server{
		Handler: handler, ReadHeaderTimeout: time.Minute,
		ErrorLog: log.New(io.Discard, "", 0), // cut connections are what this server is for
	}}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // ends with ErrServerClosed
	}()
	return s, nil
}

// URL is where it listens, without a slash at the end.
func (s *Server) URL() string {
	if s == nil {
		return ""
	}
	return "http://" + s.listener.Addr().String()
}

// Close ends all connections but those that were taken over.
func (s *Server) Close() error {
	if s == nil {
		return nil
	}
	err := s.http.Close()
	<-s.done
	return err
}

// Recorder notes the status of an answer; 0 is none yet.
type Recorder struct {
	http.ResponseWriter
	Status int
}

// WriteHeader implements http.ResponseWriter.
func (r *Recorder) WriteHeader(status int) {
	if r.Status == 0 {
		r.Status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *Recorder) Write(p []byte) (int, error) {
	if r.Status == 0 {
		r.Status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController through.
func (r *Recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// Control adds the endpoints by which faults are switched from outside:
//
//	curl -d fault=503*2 -d fault=lf URL/sandbox/fault   (none: all off)
//	curl URL/sandbox/books
func Control(mux *http.ServeMux, f *fault.Set, books func() any) {
	mux.HandleFunc("POST /sandbox/fault", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := f.Throw(r.PostForm["fault"]...); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintln(w, "on:", r.PostForm["fault"])
	})
	mux.HandleFunc("GET /sandbox/books", func(w http.ResponseWriter, _ *http.Request) {
		AnswerJSON(w, http.StatusOK, books())
	})
}

// AnswerJSON answers with v.
func AnswerJSON(w http.ResponseWriter, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(status)
	w.Write(b)
}
