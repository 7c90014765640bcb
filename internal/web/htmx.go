package web

import "net/http"

// isByHTMX reports whether htmx sent a request. Like all scripts, htmx does not see redirects, but it
// opens the URL in the header HX-Redirect, whatever the status is.
func (r *Request) isByHTMX() bool { return r.Header("HX-Request") == "true" }

// isBoosted reports whether htmx loads a page for a link or from the browser's history.
func (r *Request) isBoosted() bool {
	return r.isByHTMX() && r.Method == http.MethodGet &&
		(r.Header("HX-Boosted") == "true" || r.Header("HX-History-Restore-Request") == "true")
}
