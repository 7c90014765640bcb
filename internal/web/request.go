// Package web serves the library's routes and answers errors, for any web framework. A face passes a
// request as a value and writes the response that is returned.
package web

import (
	"iter"
	"net/http"
	"net/url"
	"strings"

	"github.com/fibermsal/fibermsal/internal/phrases"
)

// Request is a request to a route. Its strings and those that its functions return are copies and may
// be kept.
type Request struct {
	Method string
	// Path and RawQuery are the unchanged path and query of the request line, without the host of an
	// absolute request line (trap T2).
	Path, RawQuery string
	// Host is the value of the header Host, which anyone can forge (threat C5). It is only compared and
	// logged.
	Host string
	// Header returns the value of a header, or "".
	Header func(name string) string
	// Cookies yields names and values.
	Cookies iter.Seq2[string, string]
	// Body returns the body without decompressing it, or false if it is larger than limit.
	Body func(limit int) ([]byte, bool)
}

// Cookie returns the value of a cookie. If there are two different values, neither is returned, because
// browsers store only one "__Host-" cookie of a name, so a second one is an attack (cookie tossing,
// threat D5). The same value may occur twice, because adapters for net/http middlewares repeat the
// header.
func (r *Request) Cookie(name string) (value string, ok bool) {
	for n, v := range r.Cookies {
		if n != name {
			continue
		}
		if ok && v != value {
			return "", false
		}
		value, ok = v, true
	}
	return value, ok
}

// query returns the first value of a query parameter, or "".
func (r *Request) query(name string) string {
	values, _ := url.ParseQuery(r.RawQuery) // malformed parameters are left out
	return values.Get(name)
}

// pathAndQuery returns the URL of the request without its origin.
func (r *Request) pathAndQuery() string {
	if r.RawQuery == "" {
		return r.Path
	}
	return r.Path + "?" + r.RawQuery
}

// isNavigation reports whether a browser shows the response in a window, so that the user can be
// redirected to sign in. Browsers report this in a header; for those that do not, the accepted types
// decide. Requests with unsafe methods are not navigations, because a redirect would lose them.
func (r *Request) isNavigation() bool {
	return r.Method == http.MethodGet && r.isFromWindow()
}

// isFromWindow is like isNavigation, but for every method.
func (r *Request) isFromWindow() bool {
	if r.isByHTMX() {
		return false
	}
	if r.Header("Sec-Fetch-Mode") != "" {
		return r.mayNavigate()
	}
	return r.acceptsHTML() && r.Header("X-Requested-With") == ""
}

// mayNavigate reports whether a request is the navigation of a window, or may be one because the
// browser does not report this.
func (r *Request) mayNavigate() bool {
	mode, destination := r.Header("Sec-Fetch-Mode"), r.Header("Sec-Fetch-Dest")
	return (mode == "" || mode == "navigate") && (destination == "" || destination == "document")
}

// isPrefetch reports whether the browser fetches a page that the user has not opened yet, or only for a
// preview. Browsers send Sec-Purpose; earlier versions send Purpose, X-Moz (Firefox) or X-Purpose
// (Safari).
func (r *Request) isPrefetch() bool {
	purpose := r.Header("Sec-Purpose") + r.Header("Purpose") + r.Header("X-Purpose") + r.Header("X-Moz")
	return strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "preview")
}

// acceptLanguage is the header that selects the language of a page.
const acceptLanguage = "Accept-Language"

// language returns the language of the library's pages for the user.
func (r *Request) language() *phrases.Language { return phrases.Preferred(r.Header(acceptLanguage)) }

func (r *Request) acceptsHTML() bool { return strings.Contains(r.Header("Accept"), "text/html") }
