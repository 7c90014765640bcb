package entratest

import (
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/clientauth"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/faults"
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/graphapi"
	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
	"github.com/fibermsal/fibermsal/entratest/internal/keys"
	"github.com/fibermsal/fibermsal/entratest/internal/metadata"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
	"github.com/fibermsal/fibermsal/entratest/internal/pages"
	"github.com/fibermsal/fibermsal/entratest/internal/registration"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
	"github.com/fibermsal/fibermsal/entratest/internal/secrets"
	"github.com/fibermsal/fibermsal/entratest/internal/signin"
	"github.com/fibermsal/fibermsal/entratest/internal/signout"
	"github.com/fibermsal/fibermsal/entratest/internal/sso"
	"github.com/fibermsal/fibermsal/entratest/internal/token"
	"github.com/fibermsal/fibermsal/entratest/internal/traffic"
)

// parts are the components of a server. Each is an internal package, and imports go in one direction:
// the endpoints (signin, signout, token, metadata, graphapi) use the packages that issue and check
// (issuer, grants, clientauth, sso, pages); these use the packages for registrations (directory,
// scopes, registration, keys); and these use identifiers, origins and errors (ids, origins, aadsts). No
// endpoint imports another.
type parts struct {
	app         *registration.App
	origins     *origins.Origins
	directory   *directory.Directory
	scopes      *scopes.Catalogue
	credentials *clientauth.Credentials
	secrets     *secrets.Set
	keys        *keys.Ring
	codes       *grants.Codes
	issuer      *issuer.Issuer

	signin   *signin.Service
	signout  *signout.Endpoint
	token    *token.Endpoint
	metadata *metadata.Service
	graph    *graphapi.API

	faults *faults.Queue
	log    *traffic.Log
}

// assemble creates and connects the parts.
func assemble(c *settings) (*parts, error) {
	users, err := newDirectory(c)
	if err != nil {
		return nil, err
	}
	login := "https://" + c.loginHost
	p := &parts{
		app: &registration.App{
			TenantID: c.tenantID, ClientID: c.clientID, RedirectURIs: c.redirectURIs, LogoutURIs: c.logoutURIs, SPAURIs: c.spaURIs,
			FrontChannel: c.frontChannel, FrontChannelIssuer: c.frontChannelIssuer, Permissions: c.appPermissions,
		},
		origins: &origins.Origins{
			Login: login, Browser: login, Graph: "https://" + c.graphHost,
			External: c.externalID, China: strings.HasSuffix(c.loginHost, ".cn"),
		},
		directory: users,
		scopes: scopes.NewCatalogue(scopes.Config{
			GraphHost: c.graphHost, Extra: c.extraScopes, APIs: internalAPIs(c.apis),
			AdminOnly: c.adminScopes, AppPermissions: c.appPermissions,
		}),
		credentials: clientauth.New(clientauth.Config{
			Secrets: internalSecrets(c.allSecrets()), Certificates: c.certificates, Federated: internalFederated(c.federated), Exchange: c.exchange,
		}),
		secrets: &secrets.Set{},
		keys:    keys.NewRing(),
		faults:  faults.NewQueue(),
		log:     traffic.NewLog(),
	}
	p.addTokens(c)
	p.addBrowserEndpoints(c)
	p.metadata = &metadata.Service{ClientID: p.app.ClientID, Directory: p.directory, Origins: p.origins, Keys: p.keys}
	p.graph = graphapi.New(p.origins, p.issuer, c.graph, c.managerScope)
	for _, secret := range c.allSecrets() {
		p.secrets.Add(secret.Value)
	}
	return p, nil
}

func newDirectory(c *settings) (*directory.Directory, error) {
	var sources []directory.Source
	for _, t := range append([]extraTenant{{c.tenantID, c.users}}, c.extraTenants...) {
		source := directory.Source{ID: t.id}
		for _, u := range t.users {
			source.Users = append(source.Users, directory.User(u))
		}
		sources = append(sources, source)
	}
	return directory.New(c.clientID, sources...)
}

// addTokens adds the parts that issue tokens.
func (p *parts) addTokens(c *settings) {
	p.codes = grants.NewCodes(p.secrets)
	p.issuer = issuer.New(issuer.Config{
		ClientID: p.app.ClientID, OptionalClaims: c.optionalClaims, Lifetime: c.tokenLifetime,
		Origins: p.origins, Scopes: p.scopes, Keys: p.keys, Secrets: p.secrets,
	})
	p.token = token.New(token.Config{
		App: p.app, Directory: p.directory, Scopes: p.scopes, Origins: p.origins,
		Client: &clientauth.Authenticator{
			App: p.app, Credentials: p.credentials, Origins: p.origins, OneTimeAssertions: c.oneTimeAssertions,
		},
		Codes: p.codes, RefreshTokens: grants.NewRefreshTokens(p.secrets, c.oneTimeRefresh),
		Issuer: p.issuer, Secrets: p.secrets, RefreshIn: c.refreshIn,
	})
}

// addBrowserEndpoints adds the parts that browsers visit.
func (p *parts) addBrowserEndpoints(c *settings) {
	writer := &pages.Writer{TenantID: p.app.TenantID}
	if p.app.FrontChannel != "" {
		writer.FrameOrigin = registration.Origin(p.app.FrontChannel)
	}
	sessions := sso.New()
	p.signin = &signin.Service{
		App: p.app, Directory: p.directory, Scopes: p.scopes, Origins: p.origins, Pages: writer,
		Sessions: sessions, Codes: p.codes, NoPolicy: c.noPolicy, Auto: c.auto,
	}
	p.signout = &signout.Endpoint{App: p.app, Directory: p.directory, Origins: p.origins, Pages: writer, Sessions: sessions}
}
