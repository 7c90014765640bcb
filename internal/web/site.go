package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	stdpath "path"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/api"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/signin"
	"github.com/fibermsal/fibermsal/internal/telemetry"
)

// HookTimeout is the time limit of the app's OnSignIn and OnSignOut.
const HookTimeout = 10 * time.Second

// The paths of the routes, below the prefix.
const (
	LoginPath    = "/login"
	CallbackPath = "/authorized"
	LogoutPath   = "/logout"
	InfoPath     = "/info"
	FrontPath    = "/frontchannel-logout"
)

// Options configure a Site.
type Options struct {
	Owner any // the Service, for the package above this one

	Authority *authority.Client
	Sessions  *session.Store
	Tokens    *api.Verifier
	Flow      *signin.Flow
	Jar       *flow.Jar
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry

	Origin        string // of PublicURL, as browsers write it
	BasePath      string // in front of the app's paths in browsers
	RoutePrefix   string // as seen by the app
	PostLogoutURL string
	Challenger    api.Challenger
	Resource      *api.Resource // nil means that no metadata is served
	CookieName    string
	// Secure is set if cookies are Secure: with https, and on localhost if form_post requires it.
	Secure   bool
	FormPost bool

	// Pages and ErrorHandler are those of Config, or nil. They take the face's context.
	Pages        func(c any, page Page) error
	ErrorHandler func(c any, err error) error

	AnonymousOnOutage bool
	KeepFragment      bool
	RecordBrowser     bool
	// OnSignOut is called for a session that has ended. It may be nil.
	OnSignOut func(context.Context, *session.Session) error
}

// Site serves the routes and pages of one app. It is safe for concurrent use.
type Site struct{ Options }

// NewSite returns a Site.
func NewSite(o Options) *Site { return &Site{o} }

// isRoute reports whether a path, in any spelling, is that of a route that takes part in signing in or
// out.
func (s *Site) isRoute(path string) bool {
	u, err := url.Parse(path)
	if err != nil {
		return false
	}
	below, ok := strings.CutPrefix(strings.ToLower(stdpath.Clean(u.Path)), strings.ToLower(s.RoutePrefix))
	return ok && slices.Contains([]string{LoginPath, CallbackPath, LogoutPath, FrontPath}, below)
}

// cookie returns a cookie for all paths of the host.
func (s *Site) cookie(name, value string, sameSite http.SameSite, life time.Duration) *http.Cookie {
	return &http.Cookie{ //nolint:gosec // not Secure only for http://localhost
		Name: name, Value: value, Path: "/", MaxAge: int(life / time.Second),
		Secure: s.Secure, HttpOnly: true, SameSite: sameSite,
	}
}

// expired returns a cookie that removes one with the same attributes.
func (s *Site) expired(name string, sameSite http.SameSite) *http.Cookie {
	c := s.cookie(name, "", sameSite, 0) //nolint:gosec // as above
	c.Expires = time.Unix(1, 0)
	return c
}

// flowSameSite returns None only if Entra's response is a cross-site POST.
func (s *Site) flowSameSite() http.SameSite {
	if s.FormPost {
		return http.SameSiteNoneMode
	}
	return http.SameSiteLaxMode
}

// presentSession returns the ID of the session whose cookie a request has.
func (s *Site) presentSession(r *Request) (id string, ok bool) {
	token, ok := r.Cookie(s.CookieName)
	if !ok {
		return "", false
	}
	return record.SessionID(token)
}
