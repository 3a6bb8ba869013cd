package sandbox

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// param is one parameter of a signed request, decoded.
type param struct{ name, value string }

// escape encodes as RFC 5849, 3.6 asks: everything but the unreserved
// characters, in upper-case hexadecimal, a blank never as a plus.
func escape(s string) string {
	const upper = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~", c) >= 0:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', upper[c>>4], upper[c&15]})
		}
	}
	return b.String()
}

// baseString is the text that is signed (RFC 5849, 3.4.1). params are all of
// query, form and Authorization header but realm and oauth_signature.
func baseString(method, baseURI string, params []param) string {
	encoded := make([]param, len(params))
	for i, p := range params {
		encoded[i] = param{escape(p.name), escape(p.value)}
	}
	slices.SortFunc(encoded, func(a, b param) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
	pairs := make([]string, len(encoded))
	for i, p := range encoded {
		pairs[i] = p.name + "=" + p.value
	}
	return strings.ToUpper(method) + "&" + escape(baseURI) + "&" + escape(strings.Join(pairs, "&"))
}

// hmacSHA1 signs a base string (RFC 5849, 3.4.2).
func hmacSHA1(base, consumerSecret, tokenSecret string) string {
	mac := hmac.New(sha1.New, []byte(escape(consumerSecret)+"&"+escape(tokenSecret)))
	mac.Write([]byte(base))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// baseURI is the request's address as it is signed (RFC 5849, 3.4.1.2):
// lower-case scheme and host, no default port, no query.
func baseURI(r *http.Request) string {
	scheme, port := "http", ":80"
	if r.TLS != nil {
		scheme, port = "https", ":443"
	}
	host := strings.TrimSuffix(strings.ToLower(r.Host), port)
	return scheme + "://" + host + r.URL.EscapedPath()
}

var errHeader = errors.New("malformed Authorization header")

// headerParams reads an Authorization header of scheme OAuth; none is no error
// but an empty list.
func headerParams(header string) ([]param, error) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	if !strings.EqualFold(scheme, "OAuth") {
		return nil, nil
	}
	var params []param
	seen := map[string]bool{}
	for part := range strings.SplitSeq(rest, ",") {
		name, quoted, ok := strings.Cut(strings.TrimSpace(part), "=")
		if !ok || len(quoted) < 2 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
			return nil, errHeader
		}
		name, err := url.PathUnescape(name)
		if err != nil {
			return nil, errHeader
		}
		value, err := url.PathUnescape(quoted[1 : len(quoted)-1])
		if err != nil || seen[name] {
			return nil, errHeader
		}
		seen[name] = true
		params = append(params, param{name, value})
	}
	return params, nil
}

// valuesParams flattens a query or form; a repeated name is several parameters.
func valuesParams(values url.Values) []param {
	var params []param
	for name, list := range values {
		for _, value := range list {
			params = append(params, param{name, value})
		}
	}
	return params
}
