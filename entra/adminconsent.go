package entra

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/internal/authority"
)

// AdminConsentURL returns the URL at which an administrator of a tenant can consent to Config.Scopes
// for all users of the tenant. tenant is a GUID or a domain name. The URL is valid for 30 days. Entra
// then redirects the browser to redirectURI, which must be registered, with the parameters
// admin_consent=True, tenant and state, or with error. The redirect URI of sign-ins (PublicURL followed
// by BasePath and /user/authorized) is already registered and shows the administrator whether the
// permissions were granted. Any other redirectURI must be handled by the app.
//
// The redirect is not proof of consent, because anyone can put a tenant into the URL. The state only
// shows that this app created the URL for this tenant.
//
// It returns an error if an argument is invalid.
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
