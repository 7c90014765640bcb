// Package crossorigin lets pages of other origins read responses, by the CORS protocol of the Fetch
// Standard.
package crossorigin

import "net/http"

// Anybody allows pages of all origins.
func Anybody(string) bool { return true }

// exposed lists the response headers that pages may read in addition to the safelisted ones.
const exposed = "WWW-Authenticate, request-id, client-request-id, x-ms-request-id, Retry-After"

// Allow sets the headers that let the requesting page read the response, if its origin is allowed. If
// the request is a preflight request, Allow responds to it and returns true. Without an allowed origin
// it does nothing.
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
