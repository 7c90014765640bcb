package web

import (
	"maps"
	"net/url"
	"strings"

	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/returnto"
)

// Proxies such as nginx allow, by default, 8 kB for the first line of a request and respond with 414 to
// a longer one. Escaping can triple the length of a path of 4 kB.
const (
	// maxEscaped is the length above which a query is escaped only where necessary.
	maxEscaped = 1 << 10
	// maxQuery is the maximum length of a query.
	maxQuery = 7 << 10
)

// sparing undoes escapes that a query does not need (RFC 3986 section 3.4).
var sparing = strings.NewReplacer("%2F", "/", "%3F", "?", "%3A", ":", "%40", "@", "%3D", "=", "%2C", ",", "%24", "$", "%21", "!", "%28", "(", "%29", ")", "%2A", "*")

// loginURL returns the URL of the login route for a page, with further parameters. If it would be too
// long, it leads to the home page.
func (s *Site) loginURL(to flow.Destination, more url.Values) string {
	path := ""
	if to.Path() != returnto.Home {
		path = s.publicPath(to.Path())
	}
	query := loginQuery(path, to.Page(), more)
	if len(query) > maxQuery {
		query = loginQuery("", to.Home().Page(), more)
	}
	target := s.routeURL(LoginPath)
	if query != "" {
		target += "?" + query
	}
	return target
}

// loginQuery returns the query of the login URL for a page, whose path and name may be empty.
func loginQuery(path, page string, more url.Values) string {
	query := maps.Clone(more)
	for name, value := range map[string]string{toParameter: path, pageParameter: page} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return encoded(query)
}

// encoded returns a query as text.
func encoded(query url.Values) string {
	text := query.Encode()
	if len(text) > maxEscaped {
		text = sparing.Replace(text)
	}
	return text
}
