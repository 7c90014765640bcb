package entra

import (
	"errors"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/web"
)

// HasScope passes if the user has granted all the scopes. Otherwise the error is
// [ErrConsentRequired], and the sign-in that the middleware starts requests them; Entra asks
// the user only if they have not consented before. If no scope is named, nobody passes.
//
// For a caller with an access token, scopes without an address, or with an App ID URI of this API, are
// those of the token. Otherwise the error is [ErrInsufficientScope]. Scopes of other resources are those of
// services that the app calls on behalf of the caller.
//
// For the user of a session, scopes without an address are those of Graph. The app's own are permissions of
// its clients, so on a route that accepts sessions as well as tokens check them only if [TokenFromContext] reports a
// token.
//
// For the resource of Config.Scopes, the scopes granted at sign-in decide. For another resource,
// a token of the session does: the first check of a session requests it from Entra, and later
// ones find it where [TokenCredential] does.
func HasScope[C Locals](scopes ...string) Check[C] {
	namePermissions := authority.NamePermissions(scopes)
	scopes = strings.Fields(strings.Join(scopes, " ")) // an item may be several
	return func(c C, _ *User) error {
		v, s, err := signedIn(c, "HasScope")
		if err != nil {
			return err
		}
		if !namePermissions { // they would stand for those of Config, which everybody has
			return autherr.Forbidden.New("scope", errors.New("HasScope names no scope"))
		}
		service := serviceOf(v)
		if s.Token != nil {
			return service.checkTokenScopes(v, s, scopes)
		}
		missing, err := service.notGranted(v, s, service.settings.scopes.ForTokenOrConfigured(scopes))
		return notConsented(missing, err)
	}
}

// notConsented returns the error for scopes that have not been granted, if there are any, or err.
func notConsented(missing []string, err error) error {
	if err != nil || len(missing) == 0 {
		return err
	}
	return autherr.ConsentRequired.Requiring("scope", fmt.Errorf("scopes not granted: %s", strings.Join(missing, " ")), flow.Requirements{Scopes: missing})
}

// notGranted returns those of the scopes that the user of a session has not granted.
func (s *Service) notGranted(v *web.Visit, of *session.Session, scopes []string) ([]string, error) {
	own, others := s.settings.scopes.ByResource(scopes)
	elsewhere, err := s.notGrantedElsewhere(v, of, others)
	return append(authority.Missing(of.Scopes, own), elsewhere...), err
}

// notGrantedElsewhere returns those groups of scopes, each of one other resource, for which there is no
// token.
func (s *Service) notGrantedElsewhere(v *web.Visit, of *session.Session, groups [][]string) (missing []string, err error) {
	if len(groups) == 0 {
		return nil, nil
	}
	credential := s.credentialIn(v, of)
	for _, group := range groups {
		_, err := credential.GetToken(v.Exchange.Context(), policy.TokenRequestOptions{Scopes: group})
		switch {
		case errors.Is(err, autherr.ConsentRequired):
			missing = append(missing, group...)
		case err != nil:
			return nil, err
		}
	}
	return missing, nil
}

// checkTokenScopes returns an error unless the access token of a caller has the scopes of this API, and
// tokens for the scopes of other resources can be had on behalf of the caller.
func (s *Service) checkTokenScopes(v *web.Visit, caller *session.Session, scopes []string) error {
	var missing []string
	var elsewhere [][]string
	for _, scope := range scopes {
		name, own := s.settings.ownScope(scope)
		switch {
		case !own:
			elsewhere = append(elsewhere, []string{scope})
		case len(authority.Missing(caller.Scopes, []string{name})) > 0:
			missing = append(missing, s.settings.audience()+"/"+name)
		}
	}
	if len(missing) > 0 {
		return autherr.InsufficientScope.Requiring("scope", fmt.Errorf("the access token lacks %s", strings.Join(missing, " ")), flow.Requirements{Scopes: missing})
	}
	return notConsented(s.notGrantedElsewhere(v, caller, elsewhere))
}
