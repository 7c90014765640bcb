package entra

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/session"
)

// HasScope passes if the user has granted all the scopes. Otherwise the error is
// [ErrConsentRequired], and the sign-in that the middleware starts requests them; Entra asks
// the user only if they have not consented before. If no scope is named, nobody passes.
//
// For the resource of Config.Scopes, the scopes granted at sign-in decide. For another resource,
// a token of the session does: the first check of a session requests it from Entra, and later
// ones find it where [TokenCredential] does.
func HasScope[C Locals](scopes ...string) Check[C] {
	scopes = slices.Clone(scopes)
	return func(c C, _ *User) error {
		service, s, err := signedIn(c, "HasScope")
		if err != nil {
			return err
		}
		if !authority.NamePermissions(scopes) { // they would stand for those of Config, which everybody has
			return autherr.Forbidden.New("scope", errors.New("HasScope names no scope"))
		}
		missing, err := service.notGranted(RequestContext(c), s, service.settings.scopes.ForTokenOrConfigured(scopes))
		if err != nil || len(missing) == 0 {
			return err
		}
		return autherr.ConsentRequired.Requiring("scope", fmt.Errorf("scopes not granted: %s", strings.Join(missing, " ")), flow.Requirements{Scopes: missing})
	}
}

// notGranted returns those of the scopes that the user of a session has not granted.
func (s *Service) notGranted(ctx context.Context, of *session.Session, scopes []string) (missing []string, err error) {
	own, others := s.settings.scopes.ByResource(scopes)
	missing = authority.Missing(of.Scopes, own)
	for _, group := range others {
		_, err := s.renewer.Token(ctx, s.renewer.Request(of, s.renewer.CacheOf(of), group))
		switch {
		case errors.Is(err, autherr.ConsentRequired):
			missing = append(missing, group...)
		case err != nil:
			return nil, err
		}
	}
	return missing, nil
}
