package sandbox

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/storj/twitter-stream/pkg/sandbox/fault"
	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// TwitterFaults are the faults that a Twitter knows, beside the error statuses
// 400 to 599 by their number, which refuse streams.
func TwitterFaults() []Fault {
	return []Fault{
		fault.New("calm", "", "answers 420 with \"Enhance your calm\""),
		fault.New("exceeded", "", "answers 200 and the text \"Exceeded connection limit for user\""),
		fault.New("rate-limit", "number of seconds", "answers 429 with Retry-After and x-rate-limit-reset"),
		fault.New("json-error", "number of a Twitter error code", "answers 401 with the API's JSON error instead of a page"),
		fault.New("html", "", "answers 200 with a page of HTML, as a captive portal does"),
		fault.New("redirect", "URL", "answers 302"),
		fault.New("slow-headers", "duration", "answers only after a while (10s)"),
		fault.New("never-answer", "", "takes the request and is silent"),
		fault.New("skew", "duration", "has a clock that is wrong by so much (10m)"),
		fault.New("unconfirmed", "", "request tokens come without oauth_callback_confirmed=true"),
		fault.New("oauth-503", "", "the three OAuth endpoints answer 503"),
		fault.New("half-message", "number of messages before it", "cuts the connection in the middle of a message"),
		fault.New("truncated-gzip", "number of messages before it", "cuts the connection in the middle of the compressed bytes of a message"),
		fault.New("reset", "number of messages before it", "resets the connection"),
		fault.New("end", "number of messages before it", "ends the response in good order"),
		fault.New("stall", "", "sends no byte"),
		fault.New("silent", "", "sends keep-alives only"),
		fault.New("garbage", "text", "sends lines that are no message, objects glued together among them"),
		fault.New("disconnect", "number of the code", "sends a disconnect message and ends the response (4)"),
		fault.New("falling-behind", "", "sends a stall warning, if asked for"),
		fault.New("lf", "", "ends lines with a bare LF, for whole connections"),
		fault.New("lf-inside", "", "sends a message with a bare LF inside"),
		fault.New("oversize", "number of bytes", "sends a message of so many bytes (17 MiB)"),
	}
}

// connectFault answers requests to streams wrongly, if it shall.
func (t *Twitter) connectFault(w http.ResponseWriter, r *http.Request) (answered bool) {
	if strings.HasPrefix(r.URL.Path, "/oauth/") {
		if _, on := t.faults.Take("oauth-503"); on {
			jsonError(w, http.StatusServiceUnavailable, 130, "Over capacity")
			return true
		}
		return false
	}
	if !strings.HasPrefix(r.URL.Path, "/1.1/statuses/") {
		return false
	}
	if arg, on := t.faults.Take("slow-headers"); on {
		select {
		case <-time.After(fault.Duration(arg, 10*time.Second)):
		case <-r.Context().Done():
		case <-t.closed:
		}
	}
	if _, on := t.faults.Take("never-answer"); on {
		_, _ = io.Copy(io.Discard, r.Body) // net/http watches the connection only once the body is read
		select {
		case <-r.Context().Done():
		case <-t.closed:
		}
		panic(http.ErrAbortHandler)
	}
	return t.wrongAnswer(w, r)
}

func (t *Twitter) wrongAnswer(w http.ResponseWriter, r *http.Request) bool {
	if _, on := t.faults.Take("calm"); on {
		plain(w, 420, "Easy there, Turbo. Too many requests recently. Enhance your calm.\r\n")
		return true
	}
	if _, on := t.faults.Take("exceeded"); on {
		plain(w, http.StatusOK, "Exceeded connection limit for user\r\n")
		return true
	}
	if arg, on := t.faults.Take("rate-limit"); on {
		seconds, _ := strconv.Atoi(arg)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(t.now().Add(time.Duration(seconds)*time.Second).Unix(), 10))
		jsonError(w, http.StatusTooManyRequests, 88, "Rate limit exceeded")
		return true
	}
	if arg, on := t.faults.Take("json-error"); on {
		code, err := strconv.Atoi(arg)
		if err != nil {
			code = badSignature.code()
		}
		jsonError(w, http.StatusUnauthorized, code, "Could not authenticate you.")
		return true
	}
	if _, on := t.faults.Take("html"); on {
		plain(w, http.StatusOK, "<!doctype html>\n<html><title>Free WiFi</title>\n<body>Please accept our terms.\n</body></html>\n")
		return true
	}
	if to, on := t.faults.Take("redirect"); on {
		if to == "" {
			to = "https://stream.example.com" + r.URL.Path
		}
		http.Redirect(w, r, to, http.StatusFound)
		return true
	}
	if status, retryAfter, on := t.faults.TakeStatus(); on {
		statusAnswer(w, r, status, retryAfter)
		return true
	}
	return false
}

// statusAnswer is what Twitter said with an error status.
func statusAnswer(w http.ResponseWriter, r *http.Request, status int, retryAfter string) {
	if retryAfter != "" {
		w.Header().Set("Retry-After", retryAfter)
	}
	switch status {
	case 420:
		plain(w, status, "Exceeded connection limit for user\r\n")
	case http.StatusForbidden:
		jsonError(w, status, 453, "You currently have access to Twitter API v2 endpoints only.")
	default:
		jettyPage(w, r, status)
	}
}

// stream answers the sample and filter endpoints.
func (t *Twitter) stream(w http.ResponseWriter, r *http.Request) {
	var req signed
	if t.cfg.Open {
		req.form, _ = readForm(r)
	} else {
		var in bool
		if req, _, in = t.authority.check(r, t.tokens.accessSecret); !in {
			jettyPage(w, r, http.StatusUnauthorized)
			return
		}
	}
	asked := r.URL.Query()
	for name, values := range req.form {
		asked[name] = append(asked[name], values...)
	}
	if strings.HasSuffix(r.URL.Path, "filter.json") && asked.Get("track")+asked.Get("follow")+asked.Get("locations") == "" {
		plain(w, http.StatusNotAcceptable, "No filter parameters found. Expect at least one parameter: follow track locations\r\n")
		return
	}
	if d := asked.Get("delimited"); d != "" && d != "length" {
		plain(w, http.StatusNotAcceptable, fmt.Sprintf("Parameter delimited is not %q\r\n", "length"))
		return
	}
	t.feed(w, r, req.oauth["oauth_token"], asked)
}

// feed opens the stream and sends until it ends.
func (t *Twitter) feed(w http.ResponseWriter, r *http.Request, token string, asked url.Values) {
	zip := acceptsGzip(r)
	header := http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-cache, no-store, must-revalidate"}}
	if zip {
		header.Set("Content-Encoding", "gzip")
	}
	if rec, ok := w.(*wire.Recorder); ok {
		rec.Status = http.StatusOK
	}
	conn := t.book.open(zip) // before the client can know of it
	l, err := wire.OpenLink(w, header, t.now(), t.cfg.SendBuffer)
	if err != nil {
		t.book.close(conn, endLeft)
		return
	}
	defer l.Close()
	f := newFeed(t, l, r, token, zip, asked)
	f.conn = conn
	if t.admit(r.Context(), f) != nil {
		t.book.close(conn, endClosed)
		return
	}
	defer t.leave(f)
	f.run()
}

func acceptsGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(coding), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") && strings.ReplaceAll(q, " ", "") != "q=0" {
			return true
		}
	}
	return false
}
