package live

import (
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
)

// Faults are those that every network knows, over HTTP or a WebSocket, and
// more of its own.
func Faults(socket bool, own ...fault.Fault) []fault.Fault {
	common := []fault.Fault{
		fault.New("html", "", "answers 200 with a page of HTML, as a captive portal does"),
		fault.New("redirect", "URL", "answers 302"),
		fault.New("slow-headers", "duration", "answers only after a while (10s)"),
		fault.New("never-answer", "", "takes the request and is silent"),
		fault.New("hang-up", "", "closes the connection instead of answering"),
		fault.New("half", "number of messages before it", "cuts the connection in the middle of an event"),
		fault.New("bytes", "number of bytes before it", "cuts the connection after so many bytes"),
		fault.New("reset", "number of messages before it", "resets the connection"),
		fault.New("end", "number of messages before it", "ends the stream in good order"),
		fault.New("stall", "", "sends no byte"),
		fault.New("silent", "", "sends signs of life only"),
		fault.New("slow", "number of bytes a second", "sends no faster than that (10000)"),
		fault.New("garbage", "text", "sends what is no message"),
		fault.New("oversize", "number of bytes", "sends an event of so many bytes (17 MiB)"),
	}
	if socket {
		common = append(common,
			fault.New("close", "number of the close code", "closes the WebSocket with this code (1000)"),
			fault.New("binary", "", "sends a binary message of no use"))
	} else {
		common = append(common,
			fault.New("type", "Content-Type", "lies about what it sends (text/html)"),
			fault.New("gzip", "", "compresses, for whole connections"),
			fault.New("bomb", "number of bytes", "sends few bytes that inflate to so many (1 GiB) without an end"))
	}
	return slices.Concat(common, own)
}

// loginPage is what stands between in hotels.
const loginPage = "<!doctype html>\n<html><head><title>Free WiFi</title></head>\n<body>Please accept our terms.\n</body></html>\n"

// wrongAnswer answers requests for streams wrongly, if it shall.
func (s *Server) wrongAnswer(w http.ResponseWriter, r *http.Request) bool {
	if arg, on := s.Faults.Take("slow-headers"); on {
		s.wait(r, fault.Duration(arg, 10*time.Second))
	}
	if _, on := s.Faults.Take("never-answer"); on {
		_, _ = io.Copy(io.Discard, r.Body) // net/http watches the connection only once the body is read
		s.wait(r, time.Hour)
		panic(http.ErrAbortHandler)
	}
	if _, on := s.Faults.Take("hang-up"); on {
		panic(http.ErrAbortHandler)
	}
	if _, on := s.Faults.Take("html"); on {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, loginPage)
		return true
	}
	if to, on := s.Faults.Take("redirect"); on {
		if to == "" {
			to = "https://stream.example.com" + r.URL.Path
		}
		http.Redirect(w, r, to, http.StatusFound)
		return true
	}
	status, retryAfter, on := s.Faults.TakeStatus()
	if on {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		s.network.Refuse(w, r, status)
	}
	return on
}

// wait waits, unless the client leaves or the server closes.
func (s *Server) wait(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	case <-s.closed:
	}
}
