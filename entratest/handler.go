package entratest

import (
	"context"
	"net/http"
	"strings"
)

// maxBody is more than any honest form.
const maxBody = 1 << 20

// route is where a request goes. arg is the tenant segment or what the path names instead.
type route struct {
	endpoint Endpoint
	browser  bool // for people, so served over plain http as well
	handle   func(s *Server, w http.ResponseWriter, r *http.Request, arg string)
}

// tenantRoutes are the paths below /{tenant}/.
var tenantRoutes = map[string]route{
	"oauth2/v2.0/authorize":                 {Authorize, true, (*Server).serveAuthorize},
	"login":                                 {Login, true, (*Server).serveLogin},
	"oauth2/v2.0/logout":                    {Logout, true, (*Server).serveLogout},
	"oauth2/v2.0/token":                     {Token, false, (*Server).serveToken},
	"adminconsent":                          {AdminConsent, true, (*Server).serveAdminConsent},
	"v2.0/adminconsent":                     {AdminConsent, true, (*Server).serveAdminConsent},
	"discovery/v2.0/keys":                   {Keys, false, (*Server).serveKeys},
	"v2.0/.well-known/openid-configuration": {Discovery, false, (*Server).serveDiscovery},
	"discovery/instance":                    {InstanceDiscovery, false, (*Server).serveInstance},
}

// routeOf finds the door. Paths are taken literally: nothing is cleaned, folded or redirected.
func (s *Server) routeOf(r *http.Request) (route, string) {
	path := r.URL.Path
	if rest, ok := strings.CutPrefix(path, "/v1.0/"); ok && s.serves(r, s.graph) {
		return graphRoute(rest), rest
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if id, ok := strings.CutPrefix(rest, "photo/"); ok && first == "emulator" {
		return route{Other, true, (*Server).servePortrait}, id
	}
	if known, ok := tenantRoutes[rest]; ok && (s.serves(r, s.login) || s.serves(r, s.browser)) {
		return known, first
	}
	return route{Other, true, (*Server).serveNothing}, path
}

// serves tells whether the request is addressed to that origin. In process each has its own host, and
// Entra does not answer for Graph. A handler mounted elsewhere by a test serves everything.
func (s *Server) serves(r *http.Request, origin string) bool {
	inProcess := r.Host == hostOf(s.login) || r.Host == hostOf(s.graph) || r.Host == hostOf(s.browser)
	return !inProcess || r.Host == hostOf(origin)
}

func (s *Server) serveNothing(w http.ResponseWriter, r *http.Request, _ string) { http.NotFound(w, r) }

// Handler returns the server as an http.Handler, for tests that bring their own browser or listener.
// URLs in documents and pages remain those of Authority.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	where, arg := s.routeOf(r)
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	}
	malformed := r.ParseForm() != nil
	r, rec := s.record(where.endpoint, r)
	counted := &statusWriter{ResponseWriter: w}
	defer func() {
		s.mu.Lock()
		rec.Status = counted.status
		s.mu.Unlock()
	}()

	handle := func(w http.ResponseWriter, r *http.Request) {
		switch {
		case malformed:
			s.writeError(w, r, aad(9002313))
		case overPlainHTTP(r) && !where.browser:
			http.Error(w, "entratest: this endpoint is served over https only, at "+s.login, http.StatusForbidden)
		default:
			where.handle(s, w, r, arg)
		}
	}
	if f := s.nextFault(where.endpoint); f != nil {
		s.strike(f, counted, r, handle)
		return
	}
	handle(counted, r)
}

// statusWriter remembers the status for the record.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the first status.
func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController through.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type plainKey struct{}

// plainHTTP marks the requests of the unencrypted listener.
func plainHTTP(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), plainKey{}, true)))
	})
}

func overPlainHTTP(r *http.Request) bool {
	plain, _ := r.Context().Value(plainKey{}).(bool)
	return plain
}
