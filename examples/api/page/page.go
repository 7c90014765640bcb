// Package page is the single-page app of the API examples: static files, MSAL Browser, and the
// configuration for both. Any web server could serve them.
package page

import (
	"embed"
	"encoding/json"
	"net/http"
	"net/url"
)

//go:embed index.html app.js style.css icon.svg
var files embed.FS

// Config is the configuration of the page. It is public.
type Config struct {
	ClientID  string `json:"clientId"`
	Authority string `json:"authority"`
	// Metadata is the URL of the authority's OpenID configuration, if MSAL cannot find it itself.
	Metadata string `json:"metadata,omitempty"`
	API      string `json:"api"`   // origin
	Scope    string `json:"scope"` // that a sign-in requests
}

// Handler serves the page. msal is the script that [MSAL] returns.
func Handler(config Config, msal []byte) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(files))
	mux.HandleFunc("GET /config.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(config) // fails only if the browser has gone
	})
	mux.HandleFunc("GET /msal-browser.min.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		_, _ = w.Write(msal)
	})
	return protected(mux, config)
}

// protected restricts what the page may load and call. A single-page app keeps its tokens where scripts
// can read them, so no foreign scripts may run in it.
func protected(next http.Handler, config Config) http.Handler {
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' " +
		config.API + " " + origin(config.Authority) + " " + origin(config.Metadata) +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}

func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
