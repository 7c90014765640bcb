package entra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
	"github.com/fibermsal/fibermsal/internal/session"
)

// DelegatedUser is a signed-in user for whom background jobs act, outside any request, as long as the
// user stays signed in. It may be retained. Its session can end at any time; another session of the
// same user is then used. Its User is that of the first session and does not change.
type DelegatedUser struct {
	User
	credential *delegatedCredential
}

// TokenCredential returns a credential that provides the user's tokens to graph.MeFor, the Azure SDK or
// plain HTTP calls. Tokens are renewed if necessary, as for a request, but the session is not extended.
// The credential is safe for concurrent use.
//
// GetToken returns an [*Error]: [ErrNotSignedIn] if the user has signed out in the meantime,
// [ErrLoginRequired] if the user must sign in again, [ErrConsentRequired], or [ErrUnavailable]. If a
// session has ended or requires a sign-in, GetToken tries the user's other sessions, including those
// that began later.
func (u *DelegatedUser) TokenCredential() azcore.TokenCredential { return u.credential }

// UserByID returns a signed-in user by tenant and object ID. If the user has several sessions, it uses
// the newest one. If scopes are given, only sessions whose sign-in was granted all of them are used.
//
// It returns an [*Error]: [ErrNotSignedIn], or [ErrUnavailable] if the storage failed.
func (s *Service) UserByID(ctx context.Context, tenantID, userID string, scopes ...string) (*DelegatedUser, error) {
	tenantID, userID = strings.ToLower(strings.Clone(tenantID)), strings.ToLower(strings.Clone(userID))
	credential := &delegatedCredential{service: s, tenantID: tenantID, userID: userID}
	if len(scopes) > 0 {
		credential.scopes = slices.Clone(s.settings.scopes.ForTokenOrConfigured(scopes))
	}
	newest, err := credential.newest(ctx, nil)
	if err != nil {
		return nil, err
	}
	credential.current.Store(newest)
	return &DelegatedUser{User: *userOf(&newest.User), credential: credential}, nil
}

// UserByMail is like [Service.UserByID], but finds the user by the complete mail address that was known
// at sign-in; case does not matter. A mail address does not identify a user reliably, because it can be
// reassigned to another user, and it is only as trustworthy as the tenant. If several signed-in users
// have the address, none is returned, and the Reason of [ErrNotSignedIn] begins with "mail_". If
// several tenants may sign in, the address is looked up in each of AllowedTenants; with
// AnyTenantMaySignIn no user is found by mail.
func (s *Service) UserByMail(ctx context.Context, mail string, scopes ...string) (*DelegatedUser, error) {
	address, ok := mailaddr.Normalize(mail)
	if !ok {
		return nil, autherr.NotSignedIn.New("mail", nil)
	}
	tenants, err := s.authority.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	var found *DelegatedUser
	for _, tenant := range tenants {
		user, err := s.userByMail(ctx, tenant, address, scopes)
		switch {
		case errors.Is(err, autherr.NotSignedIn) && autherr.ReasonOf(err) != autherr.ReasonSharedMail:
		case err != nil:
			return nil, err
		case found != nil:
			return nil, autherr.NotSignedIn.New("mail_in_two_tenants", nil)
		default:
			found = user
		}
	}
	if found == nil {
		return nil, autherr.NotSignedIn.New("", nil)
	}
	return found, nil
}

func (s *Service) userByMail(ctx context.Context, tenant, address string, scopes []string) (*DelegatedUser, error) {
	owner, err := s.sessions.OwnerOfMail(ctx, tenant, address)
	if err != nil {
		return nil, err
	}
	if owner == "" {
		return nil, autherr.NotSignedIn
	}
	return s.UserByID(ctx, tenant, owner, scopes...)
}

// delegatedCredential provides tokens from any session of a user that can provide them.
type delegatedCredential struct {
	service          *Service
	tenantID, userID string
	scopes           []string                        // that the session's sign-in must have been granted
	current          atomic.Pointer[session.Session] // that provided the last token
}

// newest returns the newest session of the user that has not been tried.
func (c *delegatedCredential) newest(ctx context.Context, tried map[string]bool) (*session.Session, error) {
	return c.service.sessions.Newest(ctx, c.tenantID, c.userID, tried, func(s *session.Session) bool {
		return len(authority.Missing(s.Scopes, c.scopes)) == 0
	})
}

// GetToken implements azcore.TokenCredential.
func (c *delegatedCredential) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if options.Claims != "" { // which no session's tokens can satisfy
		return c.service.credential(c.current.Load(), nil).GetToken(ctx, options)
	}
	return c.fromAnySession(ctx, func(one *userCredential) (azcore.AccessToken, error) {
		return one.GetToken(ctx, options)
	})
}

// Replace returns a new token after an API has rejected one that has not expired.
func (c *delegatedCredential) Replace(ctx context.Context, options policy.TokenRequestOptions, rejected string) (azcore.AccessToken, error) {
	return c.fromAnySession(ctx, func(one *userCredential) (azcore.AccessToken, error) {
		return one.Replace(ctx, options, rejected)
	})
}

// fromAnySession requests a token with the session that provided the last one, and then with the user's
// other current sessions, until one succeeds, or fails for a reason that another session would share.
func (c *delegatedCredential) fromAnySession(ctx context.Context, request func(*userCredential) (azcore.AccessToken, error)) (azcore.AccessToken, error) {
	tried := make(map[string]bool)
	var failure error
	for s := c.current.Load(); ; {
		token, err := c.fromSession(ctx, s, request)
		if err == nil {
			c.current.Store(s)
			return token, nil
		}
		if !needsOtherSession(err) {
			return azcore.AccessToken{}, err
		}
		if failure == nil || !errors.Is(err, autherr.NotSignedIn) { // that a session requires a sign-in is more informative than that one has ended
			failure = err
		}
		tried[s.ID] = true
		s, err = c.newest(ctx, tried)
		if errors.Is(err, autherr.NotSignedIn) {
			return azcore.AccessToken{}, failure
		}
		if err != nil {
			return azcore.AccessToken{}, err
		}
	}
}

// needsOtherSession reports whether another session of the user may succeed.
func needsOtherSession(err error) bool {
	e, ok := autherr.Find(err)
	return ok && (errors.Is(e, autherr.NotSignedIn) || autherr.NeedsSignIn(e))
}

// fromSession requests a token with a session, after checking that the session has not ended.
func (c *delegatedCredential) fromSession(ctx context.Context, s *session.Session, request func(*userCredential) (azcore.AccessToken, error)) (azcore.AccessToken, error) {
	present, _, err := c.service.sessions.Find(ctx, s.ID)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	if present == nil {
		return azcore.AccessToken{}, autherr.NotSignedIn.New("signed_out", nil)
	}
	return request(c.service.credential(present, c.service.renewer.CacheOf(present)))
}

// GraphURL returns the root URL of Graph with the version, without a trailing slash.
func (c *delegatedCredential) GraphURL() string { return c.service.settings.GraphURL }

// HTTPClient returns the client that reaches Graph.
func (c *delegatedCredential) HTTPClient() *http.Client { return c.service.settings.HTTPClient }

// Format never prints tokens, whatever the verb.
func (c *delegatedCredential) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "fibermsal credential")
}
