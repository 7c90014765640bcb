package doctor

import (
	"context"
	"net"
	"net/http"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/signin"
)

// formPost is the response mode in which Entra sends its response as a cross-site POST.
const formPost = "form_post"

// Options configure a diagnosis.
type Options struct {
	Authority *authority.Client
	Flow      *signin.Flow
	Records   *record.Store
	// Storage is where Records are kept, or nil for the memory of this process.
	Storage record.Storage

	PublicURL     string
	RoutePrefix   string
	PostLogoutURL string
	GraphURL      string
	// CheckKeys returns an error if sessions are sealed with keys that are not here.
	CheckKeys func(context.Context) error
	// Lookup resolves a host. Nil means [net.Resolver.LookupHost].
	Lookup func(ctx context.Context, host string) ([]string, error)
	// Local is set if only browsers on this machine reach the app, as in development.
	Local bool
	// SecureCookies is set if cookies are Secure.
	SecureCookies bool
	// HasSecret is set if the client credentials are secrets. The first one is the current secret.
	HasSecret bool
	// App is the web app whose settings and login route are checked, or nil.
	App *App
}

// diagnosis is one run of Examine. It calls Entra as the app does, but neither uses nor changes the
// app's caches and its record of Entra's failures.
type diagnosis struct {
	Options
	client   *http.Client
	recorder *recorder // of the responses that the client receives
}

func newDiagnosis(o Options) *diagnosis {
	if o.Lookup == nil {
		o.Lookup = net.DefaultResolver.LookupHost
	}
	r := newRecorder(o.Authority.Transport)
	return &diagnosis{Options: o, recorder: r, client: authority.NewHTTPClient(o.Authority.ClientID, r)}
}
