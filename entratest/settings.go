package entratest

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/clientauth"
	"github.com/fibermsal/fibermsal/entratest/internal/graphapi"
	"github.com/fibermsal/fibermsal/entratest/internal/ids"
	"github.com/fibermsal/fibermsal/entratest/internal/issuer"
	"github.com/fibermsal/fibermsal/entratest/internal/origins"
	"github.com/fibermsal/fibermsal/entratest/internal/registration"
)

// Placeholders from Microsoft's documentation, which cannot be mistaken for a real tenant.
const (
	defaultTenantID = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	defaultClientID = "00001111-aaaa-2222-bbbb-3333cccc4444"
)

// DefaultRedirectURI is registered if [WithRedirectURI] is not used. As in Entra ID, the port of an
// http://localhost URI is ignored, so it works for an app on any local port.
const DefaultRedirectURI = "http://localhost/user/authorized"

// settings is the result of the options. It does not change after New.
type settings struct {
	tenantID, clientID, clientSecret string
	redirectURIs, logoutURIs         []string
	spaURIs                          []string
	users                            []User
	extraTenants                     []extraTenant
	tokenLifetime, refreshIn         time.Duration
	managerScope                     string
	extraScopes                      []string
	oneTimeRefresh, auto             bool
	oneTimeAssertions                bool
	loginHost, graphHost             string
	exchange                         string // end of the default audience of federated credentials
	externalID                       bool
	wrong                            error // with an option

	noSecret     bool
	secrets      []Secret
	certificates []*x509.Certificate
	federated    []FederatedCredential

	apis           []API
	appPermissions []string
	adminScopes    []string
	optionalClaims []string
	noPolicy       []string

	graphHandlers map[string]http.Handler
	graphFiles    fs.FS
	graph         graphapi.Custom // made of these by check

	frontChannel       string
	frontChannelIssuer bool
}

type extraTenant struct {
	id    string
	users []User
}

func defaultSettings() settings {
	return settings{
		tenantID:      defaultTenantID,
		clientID:      defaultClientID,
		clientSecret:  "canary-secret-" + ids.Text(24),
		users:         Users(),
		tokenLifetime: 75 * time.Minute,
		managerScope:  "User.Read",
		loginHost:     "login.entra.test",
		graphHost:     "graph.entra.test",

		optionalClaims: []string{"acct", "auth_time", "groups", "login_hint", "sid"},
	}
}

// check completes the settings and returns an error if they contradict each other or cannot be
// registered.
func (c *settings) check() error {
	if len(c.redirectURIs)+len(c.spaURIs) == 0 {
		c.redirectURIs = []string{DefaultRedirectURI}
	}
	switch {
	case c.wrong != nil:
		return c.wrong
	case !ids.IsGUID(c.tenantID):
		return fmt.Errorf("the tenant id %q is not a GUID", c.tenantID)
	case !ids.IsGUID(c.clientID):
		return fmt.Errorf("the client id %q is not a GUID", c.clientID)
	case c.clientSecret == "" && !c.noSecret:
		return errors.New("the client secret is empty")
	case c.loginHost == c.graphHost:
		return errors.New("login and graph need different hosts")
	case c.tokenLifetime <= 0:
		return errors.New("the access token lifetime is not positive")
	}
	c.externalID = c.externalID || strings.HasSuffix(c.loginHost, origins.ExternalDomain)
	if c.noSecret {
		c.clientSecret = ""
	}
	if err := c.checkURIs(); err != nil {
		return err
	}
	c.graph = graphapi.Custom{Handlers: c.graphHandlers, Files: c.graphFiles}
	return errors.Join(c.graph.Prepare(), c.checkCredentials(), c.checkAPIs(), issuer.CheckOptionalClaims(c.optionalClaims))
}

func (c *settings) checkURIs() error {
	for _, uri := range slices.Concat(c.redirectURIs, c.logoutURIs, c.spaURIs) {
		if err := registration.CheckURI(uri); err != nil {
			return err
		}
	}
	if c.frontChannel != "" {
		if err := registration.CheckURI(c.frontChannel); err != nil {
			return fmt.Errorf("front-channel logout: %w", err)
		}
	}
	return nil
}

func (c *settings) checkCredentials() error {
	return cmp.Or(
		clientauth.CheckSecrets(internalSecrets(c.secrets)),
		clientauth.CheckCertificates(c.certificates),
		clientauth.CheckFederated(internalFederated(c.federated)),
	)
}

func (c *settings) checkAPIs() error {
	for _, api := range internalAPIs(c.apis) {
		if err := api.Check(); err != nil {
			return err
		}
	}
	return nil
}

// allSecrets are the client secrets of the registration.
func (c *settings) allSecrets() []Secret {
	var out []Secret
	if !c.noSecret {
		out = append(out, Secret{Value: c.clientSecret})
	}
	return append(out, c.secrets...)
}
