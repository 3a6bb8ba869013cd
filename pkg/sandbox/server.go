package sandbox

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// server is a listening HTTP server. A nil one is none.
type server struct {
	listener net.Listener
	http     *http.Server
	done     chan struct{}
}

func listen(addr string, handler http.Handler) (*server, error) {
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &server{listener: l, done: make(chan struct{}), http: &http.Server{
		Handler: handler, ReadHeaderTimeout: time.Minute,
		ErrorLog: log.New(io.Discard, "", 0), // cut connections are what this server is for
	}}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(l) // ends with ErrServerClosed
	}()
	return s, nil
}

func (s *server) url() string {
	if s == nil {
		return ""
	}
	return "http://" + s.listener.Addr().String()
}

func (s *server) close() error {
	if s == nil {
		return nil
	}
	err := s.http.Close()
	<-s.done
	return err
}

// recorder notes the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController through.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// control adds the endpoints by which faults are switched from outside:
//
//	curl -d fault=503*2 -d fault=lf URL/sandbox/fault   (none: all off)
//	curl URL/sandbox/books
func control(mux *http.ServeMux, f *faults, books func() any) {
	mux.HandleFunc("POST /sandbox/fault", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		if err := f.set(r.PostForm["fault"]...); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintln(w, "on:", r.PostForm["fault"])
	})
	mux.HandleFunc("GET /sandbox/books", func(w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, http.StatusOK, books())
	})
}
