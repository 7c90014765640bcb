package entratest

import (
	"net/http"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/crossorigin"
	"github.com/fibermsal/fibermsal/entratest/internal/graphapi"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
	"github.com/fibermsal/fibermsal/entratest/internal/traffic"
	"github.com/fibermsal/fibermsal/entratest/internal/wire"
)

// maxBody is the size limit of a request body. It is larger than any real form, and than the parts of
// an upload that a handler of WithGraph receives.
const maxBody = 64 << 20

// route is the target of a request.
type route struct {
	endpoint Endpoint
	browser  bool // visited by browsers, so it is also served over plain http
	// serve is the handler. arg is the tenant segment or, for other paths, the rest of the path.
	serve func(w http.ResponseWriter, r *http.Request, arg string)
}

// router dispatches the requests to the parts.
type router struct {
	*parts
	tenantRoutes map[string]route // by path below /{tenant}/
}

func newRouter(p *parts) *router {
	return &router{parts: p, tenantRoutes: map[string]route{
		"oauth2/v2.0/authorize":                 {Authorize, true, p.signin.ServeAuthorize},
		"login":                                 {Login, true, p.signin.ServeLogin},
		"oauth2/v2.0/logout":                    {Logout, true, p.signout.Serve},
		"oauth2/v2.0/token":                     {Token, false, p.token.Serve},
		"adminconsent":                          {AdminConsent, true, p.signin.ServeAdminConsent},
		"v2.0/adminconsent":                     {AdminConsent, true, p.signin.ServeAdminConsent},
		"discovery/v2.0/keys":                   {Keys, false, p.metadata.ServeKeys},
		"v2.0/.well-known/openid-configuration": {Discovery, false, p.metadata.ServeDiscovery},
		".well-known/openid-configuration":      {Discovery, false, p.metadata.ServeDiscoveryV1},
		"discovery/keys":                        {Keys, false, p.metadata.ServeKeysV1},
		"discovery/instance":                    {InstanceDiscovery, false, p.metadata.ServeInstance},
	}}
}

var graphEndpoints = map[graphapi.Area]Endpoint{
	graphapi.Me: GraphMe, graphapi.Manager: GraphManager, graphapi.Photo: GraphPhoto,
	graphapi.User: GraphUser, graphapi.Groups: GraphGroups, graphapi.Other: GraphOther,
}

// find returns the route of a request. Paths are compared literally, without cleaning, case folding or
// redirects.
func (h *router) find(r *http.Request) (found route, arg string) {
	path := r.URL.Path
	if area, serve, below, ok := h.graph.Find(r); ok && h.origins.Addresses(r, h.origins.Graph) {
		if path == "/v1.0/$batch" {
			return route{GraphBatch, false, h.serveBatch}, below
		}
		return route{graphEndpoints[area], false, serve}, below
	}
	if path == origins.UserInfoPath && h.origins.Addresses(r, h.origins.Graph) {
		return route{UserInfo, false, h.graph.ServeUserInfo}, path
	}
	first, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if id, ok := strings.CutPrefix(rest, "photo/"); ok && first == "emulator" {
		return route{Other, true, h.signin.ServePortrait}, id
	}
	if matched, ok := h.tenantRoutes[rest]; ok && (h.origins.Addresses(r, h.origins.Login) || h.origins.Addresses(r, h.origins.Browser)) {
		return matched, first
	}
	return route{Other, true, func(w http.ResponseWriter, r *http.Request, _ string) { http.NotFound(w, r) }}, path
}

// pagesOf returns a function that reports whether pages of an origin may call an endpoint, or nil if no
// page may. entra: single-page apps may call the token endpoint, and all pages may read documents and
// call Graph.
func (h *router) pagesOf(e Endpoint) func(origin string) bool {
	switch e {
	case Token:
		return h.app.IsSPAOrigin
	case Authorize, Login, Logout, AdminConsent, Other:
		return nil
	default:
		return crossorigin.Anybody
	}
}

// ofSinglePage reports whether a single-page app requests documents or tokens. Such requests are also
// served over plain http, because browsers do not trust the https certificate but treat plain http on
// loopback as secure.
func (h *router) ofSinglePage(r *http.Request, e Endpoint) bool {
	switch e {
	case Token, Discovery, Keys, InstanceDiscovery:
		return h.app.IsSPAOrigin(r.Header.Get("Origin"))
	default:
		return false
	}
}

// ServeHTTP implements http.Handler. It records the request and serves it or applies a fault.
func (h *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = wire.EscapeSemicolons(r)
	found, arg := h.find(r)
	if r.Body != nil {
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	}
	malformed := r.ParseForm() != nil
	r, done := h.log.Record(string(found.endpoint), r)
	answer := &traffic.StatusWriter{ResponseWriter: w}
	defer func() { done(answer.Status) }() // also after a drop
	if crossorigin.Allow(answer, r, h.pagesOf(found.endpoint)) {
		return
	}
	handle := func(w http.ResponseWriter, r *http.Request) {
		switch {
		case malformed:
			aadsts.New(9002313).Write(w, r, h.origins.Login)
		case wire.IsPlain(r) && !found.browser && !h.ofSinglePage(r, found.endpoint):
			http.Error(w, "entratest: this endpoint is served over https only, at "+h.origins.Login, http.StatusForbidden)
		default:
			found.serve(w, r, arg)
		}
	}
	if fault := h.faults.Next(string(found.endpoint)); fault != nil {
		fault.Serve(answer, r, handle, h.origins.Login)
		return
	}
	handle(answer, r)
}
