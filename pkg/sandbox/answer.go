package sandbox

import (
	"fmt"
	"html"
	"io"
	"net/http"

	"github.com/storj/twitter-stream/pkg/sandbox/wire"
)

// plain answers with text, which is what Twitter's OAuth endpoints did.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8") // as Twitter's, whatever the body
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// jsonError is an API-style error of Twitter.
func jsonError(w http.ResponseWriter, status, code int, message string) {
	type one struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	wire.AnswerJSON(w, status, map[string][]one{"errors": {{code, message}}})
}

// jettyPage is the page that stream.twitter.com answered errors with.
func jettyPage(w http.ResponseWriter, r *http.Request, status int) {
	text := http.StatusText(status)
	if text == "" {
		text = "Enhance Your Calm"
	}
	w.Header().Set("Content-Type", "text/html; charset=iso-8859-1")
	w.Header().Set("Cache-Control", "must-revalidate,no-cache,no-store")
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="Firehose"`)
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, "<html>\n<head>\n<meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"/>\n<title>Error %[1]d %[2]s</title>\n</head>\n"+
		"<body>\n<h2>HTTP ERROR: %[1]d</h2>\n<p>Problem accessing '%[3]s'. Reason:\n<pre>    %[2]s</pre>\n</body>\n</html>\n", status, text, html.EscapeString(r.URL.Path))
}

// flaskPage is the page that a Flask application answers errors with.
func flaskPage(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<title>%[1]d %[2]s</title>\n<h1>%[2]s</h1>\n<p>The server answered %[1]d.</p>\n", status, http.StatusText(status))
}
