package fibermsal

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
	"github.com/fibermsal/fibermsal/internal/record"
)

// ErrNoSession says that a user has no session whose tokens could be used, or signed
// out meanwhile.
var ErrNoSession = &Error{Code: "no_session", Status: fiber.StatusNotFound, Message: "This user is not signed in."}

// OfflineUser is a signed-in user outside any request, for background jobs that act for
// them as long as they stay signed in. It may be kept; what it is about may end at any
// time.
type OfflineUser struct {
	User
	credential *credential
}

// TokenCredential gives the user's tokens to graph.For, the Azure SDK or a plain HTTP
// call, renewed where needed as for a request, without prolonging the session. It is
// safe for concurrent use.
//
// GetToken returns an [*Error]: [ErrNoSession] if the user signed out meanwhile,
// [ErrLoginRequired] if they must sign in again, [ErrConsentRequired], or
// [ErrUnavailable]. A session that must sign in again gives way to an older one of the
// same user.
func (u *OfflineUser) TokenCredential() azcore.TokenCredential { return u.credential }

// UserByID returns a user who is signed in, by tenant and object id. Of several sessions
// it takes the newest whose sign-in was granted all the scopes, if any are given.
//
// It returns an [*Error]: [ErrNoSession], or [ErrUnavailable] if the storage failed.
func (a *Auth) UserByID(ctx context.Context, tid, oid string, scopes ...string) (*OfflineUser, error) {
	tid, oid = strings.ToLower(strings.Clone(tid)), strings.ToLower(strings.Clone(oid))
	return a.offline(ctx, userLabel(tid, oid), scopes, func(s *session) bool {
		return s.User.TenantID == tid && s.User.ID == oid
	})
}

// UserByMail is [Auth.UserByID] by the whole mail address that was known at sign-in,
// whose case does not matter. An address is not a proof of who somebody is: it can be
// given to somebody else, and is only as true as its tenant. Where several tenants may
// sign in, it is looked for in each that is listed; with AnyTenantMaySignIn nobody is
// found by mail.
func (a *Auth) UserByMail(ctx context.Context, mail string, scopes ...string) (*OfflineUser, error) {
	address, ok := mailaddr.Normalize(mail)
	if !ok {
		return nil, ErrNoSession.because("mail", nil)
	}
	tenants, err := a.tenants(ctx)
	if err != nil {
		return nil, err
	}
	var found *OfflineUser
	for _, tenant := range tenants {
		u, err := a.offlineByMail(ctx, tenant, address, scopes)
		switch {
		case errors.Is(err, ErrNoSession):
		case err != nil:
			return nil, err
		case found != nil:
			return nil, ErrNoSession.because("mail_in_two_tenants", nil)
		default:
			found = u
		}
	}
	if found == nil {
		return nil, ErrNoSession
	}
	return found, nil
}

// offlineByMail finds the one user of a tenant who has an address. If sessions of two
// people have it, neither is meant for sure.
func (a *Auth) offlineByMail(ctx context.Context, tenant, address string, scopes []string) (*OfflineUser, error) {
	var owner *session
	for name, err := range a.listed(ctx, mailLabel(tenant, address)) {
		if err != nil {
			return nil, err
		}
		s, err := a.offlineSession(ctx, name)
		switch {
		case err != nil:
			return nil, err
		case s == nil || s.User.TenantID != tenant || s.User.Mail != address:
		case owner != nil && owner.User.ID != s.User.ID:
			return nil, ErrNoSession.because("mail_of_two_people", nil)
		default:
			owner = s
		}
	}
	if owner == nil {
		return nil, ErrNoSession
	}
	return a.offline(ctx, mailLabel(tenant, address), scopes, func(s *session) bool {
		return s.User.TenantID == tenant && s.User.ID == owner.User.ID && s.User.Mail == address
	})
}

// tenants are those whose users may sign in, as far as they can be listed.
func (a *Auth) tenants(ctx context.Context) ([]string, error) {
	if len(a.cfg.AllowedTenants) > 0 || a.cfg.AnyTenantMaySignIn {
		return a.cfg.AllowedTenants, nil
	}
	if discovery.IsGUID(a.cfg.TenantID) {
		return []string{a.cfg.TenantID}, nil
	}
	if tenant := a.tenant.Load(); tenant != nil {
		return []string{*tenant}, nil
	}
	m, err := a.metadata(ctx)
	if err != nil {
		return nil, err
	}
	tenant := m.Tenant()
	a.tenant.Store(&tenant) // a domain does not change its tenant
	return []string{tenant}, nil
}

// offline finds the newest session on a list that is what the list says, and may be
// used. Records are asked what they are about, for lists are only hints.
func (a *Auth) offline(ctx context.Context, label record.Label, scopes []string, matches func(*session) bool) (*OfflineUser, error) {
	names, err := a.records.Listed(ctx, label)
	if err != nil {
		return nil, storageUnavailable(err)
	}
	wanted := a.tokenScopes(scopes)
	search := &offlineSearch{auth: a, label: label, names: names, usable: func(s *session) bool {
		return matches(s) && (len(scopes) == 0 || len(missingFrom(s.Scopes, wanted)) == 0)
	}}
	return search.next(ctx)
}

// offlineSearch goes through the sessions of a list, the newest first. It is not safe
// for concurrent use, and copied where it is kept.
type offlineSearch struct {
	auth   *Auth
	label  record.Label
	names  []string
	usable func(*session) bool
}

func (o *offlineSearch) next(ctx context.Context) (*OfflineUser, error) {
	for i, name := range o.names {
		s, err := o.auth.offlineSession(ctx, name)
		if err != nil {
			return nil, err
		}
		if s == nil {
			_ = o.auth.records.Delist(ctx, name, o.label) // it ended by itself
			continue
		}
		if o.usable(s) {
			rest := *o
			rest.names = slices.Clone(o.names[i+1:])
			k := o.auth.credentialOf(s)
			k.older = &rest
			o.auth.audit(ctx, slog.LevelInfo, auditWorker, s)
			return &OfflineUser{User: *s.User.clone(), credential: k}, nil
		}
	}
	return nil, ErrNoSession
}

// offlineSession returns a session as a request would find it, remembered with its
// tokens and refusals, but does not prolong it.
func (a *Auth) offlineSession(ctx context.Context, name string) (*session, error) {
	if a.ended.has(name) {
		return nil, nil
	}
	box, err := a.records.Sealed(ctx, name, record.Session)
	if errors.Is(err, record.ErrNotFound) {
		a.sessions.remove(name)
		return nil, nil
	}
	if err != nil {
		return nil, storageUnavailable(err)
	}
	r, err := a.decode(ctx, name, box)
	if err != nil || r == nil || !time.Now().Before(r.session.User.ExpiresAt) {
		return nil, nil //nolint:nilerr // logged, and no session
	}
	return r.session, nil
}

// offlineToken gets a token for a user outside any request, where nobody has looked
// whether the session is still there.
func (k *credential) offlineToken(ctx context.Context, ask func(*credential) (azcore.AccessToken, error)) (azcore.AccessToken, error) {
	s, err := k.auth.offlineSession(ctx, k.session.recordName)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	var token azcore.AccessToken
	err = ErrNoSession.because("signed_out", nil)
	if s != nil {
		token, err = ask(k)
	}
	var e *Error
	if gone := errors.Is(err, ErrNoSession); err == nil || !errors.As(err, &e) || (!gone && !e.interactive()) {
		return token, err
	}
	older := *k.older
	if next, searchErr := older.next(ctx); searchErr == nil {
		return next.credential.offlineToken(ctx, ask)
	}
	return azcore.AccessToken{}, err
}
