package entra

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/authority"
)

// AdminConsentURL returns where an administrator of a tenant, a GUID or a domain, consents to
// Config.Scopes for all its users, within 30 days. Entra then sends the browser to redirectURI, which
// must be registered, with admin_consent=True, tenant and state, or error. The redirect URI of the
// sign-ins, PublicURL followed by BasePath and /user/authorized, is registered already, and shows the
// administrator a page that says whether the permissions were granted. At another address the app has
// to answer.
//
// The response proves nothing: anybody can write the tenant in the URL. The state only says that this
// app made the URL for this tenant.
//
// It returns an error if an argument is not valid.
func (s *Service) AdminConsentURL(tenant, redirectURI string) (string, error) {
	if !tenantName.MatchString(tenant) {
		return "", errors.New("fibermsal: AdminConsentURL: the tenant is neither a GUID nor a domain name")
	}
	if _, err := secureURL(redirectURI); err != nil {
		return "", fmt.Errorf("fibermsal: AdminConsentURL: the redirect URI %w", err)
	}
	u := url.URL{Scheme: "https", Host: authority.HostOf(s.settings.authority), Path: "/" + tenant + "/v2.0/adminconsent"}
	u.RawQuery = url.Values{
		"client_id":    {s.settings.ClientID},
		"redirect_uri": {redirectURI},
		"scope":        {strings.Join(s.settings.scopes.Qualified(), " ")},
		"state":        {s.jar.SealConsent(tenant, time.Now())},
	}.Encode()
	return u.String(), nil
}
