package wire

import (
	"net/http"
	"strings"
)

// EscapeSemicolons returns the request with escaped semicolons in its query. Semicolons are not
// separators there (URL Standard, 5.1), and clients of Graph send them unescaped in $expand, but
// net/url refuses them.
func EscapeSemicolons(r *http.Request) *http.Request {
	if !strings.Contains(r.URL.RawQuery, ";") {
		return r
	}
	escaped, address := *r, *r.URL
	address.RawQuery = strings.ReplaceAll(address.RawQuery, ";", "%3B")
	escaped.URL = &address
	return &escaped
}
