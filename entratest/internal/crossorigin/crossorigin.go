// Package crossorigin lets pages of other origins read answers: the Fetch Standard's CORS protocol.
package crossorigin

import "net/http"

// Anybody allows pages of every origin.
func Anybody(string) bool { return true }

// exposed are the headers of answers that pages may read besides the safelisted ones.
const exposed = "WWW-Authenticate, request-id, client-request-id, x-ms-request-id, Retry-After"

// Allow sets the headers by which the page that makes the request may read the answer, if its origin is allowed. It
// answers a preflight request itself and reports that. Without an allowed origin nothing is done.
func Allow(w http.ResponseWriter, r *http.Request, allowed func(origin string) bool) (answered bool) {
	origin := r.Header.Get("Origin")
	if origin == "" || allowed == nil || !allowed(origin) {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", exposed)
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		return false
	}
	h.Set("Access-Control-Allow-Methods", r.Header.Get("Access-Control-Request-Method"))
	if names := r.Header.Get("Access-Control-Request-Headers"); names != "" {
		h.Set("Access-Control-Allow-Headers", names)
	}
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
	return true
}
