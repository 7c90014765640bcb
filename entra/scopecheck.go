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

// HasScope passes if the user has granted all the scopes. Otherwise the error is [ErrConsentRequired],
// and the middleware starts a sign-in that requests them; Entra asks the user only if the user has not
// consented before. HasScope() without scopes never passes.
//
// For a caller with an access token, scopes without a resource, or with an App ID URI of this API, must
// be in the token; otherwise the error is [ErrInsufficientScope]. Scopes of other resources must have
// been granted to the app for calls on behalf of the caller.
//
// For the user of a session, scopes without a resource are those of Graph. Scopes of the app's own API
// are granted to its clients. On a route that accepts both sessions and tokens, check them only if
// [TokenFromContext] returns a token.
//
// For the resource of Config.Scopes, the scopes that were granted at sign-in decide. For another
// resource, the check passes if Entra issues a token for the scopes. The first check in a session
// requests the token from Entra; later checks use the cached token, as [TokenCredential] does.
func HasScope[C Locals](scopes ...string) Check[C] {
	namePermissions := authority.NamePermissions(scopes)
	scopes = strings.Fields(strings.Join(scopes, " ")) // an item may contain several scopes
	return func(c C, _ *User) error {
		v, s, err := signedIn(c, "HasScope")
		if err != nil {
			return err
		}
		if !namePermissions { // an empty list would mean the scopes of Config, which every user has granted
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

// notConsented returns err, or else an error for the missing scopes, if there are any.
func notConsented(missing []string, err error) error {
	if err != nil || len(missing) == 0 {
		return err
	}
	return autherr.ConsentRequired.Requiring("scope", fmt.Errorf("scopes not granted: %s", strings.Join(missing, " ")), flow.Requirements{Scopes: missing})
}

// notGranted returns the scopes that the user of a session has not granted.
func (s *Service) notGranted(v *web.Visit, of *session.Session, scopes []string) ([]string, error) {
	own, others := s.settings.scopes.ByResource(scopes)
	elsewhere, err := s.notGrantedElsewhere(v, of, others)
	return append(authority.Missing(of.Scopes, own), elsewhere...), err
}

// notGrantedElsewhere returns the scopes of other resources for which Entra issues no token. Each group
// contains the scopes of one resource.
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

// checkTokenScopes returns an error unless the access token of a caller has the scopes of this API and
// tokens for the scopes of other resources can be obtained on behalf of the caller.
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
