package fibermsal

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/mailaddr"
	"github.com/fibermsal/fibermsal/internal/record"
)

// ErrNoSession says that a user has no session whose tokens could be used, or signed
// out meanwhile.
var ErrNoSession = &Error{Code: "no_session", Status: fiber.StatusNotFound, Message: "This user is not signed in."}

// OfflineUser is a signed-in user outside any request, for background jobs that act for
// them as long as they stay signed in. It may be kept: the session it was made of may end
// at any time, and another session of the same user then takes its place.
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
// [ErrUnavailable]. A session that has ended, or must sign in again, gives way to another
// one of the same user, also to one that began later.
func (u *OfflineUser) TokenCredential() azcore.TokenCredential { return u.credential }

// UserByID returns a user who is signed in, by tenant and object id. Of several sessions
// it takes the newest whose sign-in was granted all the scopes, if any are given.
//
// It returns an [*Error]: [ErrNoSession], or [ErrUnavailable] if the storage failed.
func (a *Auth) UserByID(ctx context.Context, tid, oid string, scopes ...string) (*OfflineUser, error) {
	tid, oid = strings.ToLower(strings.Clone(tid)), strings.ToLower(strings.Clone(oid))
	return a.offline(ctx, tid, oid, scopes)
}

// UserByMail is [Auth.UserByID] by the whole mail address that was known at sign-in,
// whose case does not matter. An address is not a proof of who somebody is: it can be
// given to somebody else, and is only as true as its tenant. If several signed-in users
// have it, none is returned, and the Reason of [ErrNoSession] begins with "mail_". Where
// several tenants may sign in, it is looked for in each that is listed; with
// AnyTenantMaySignIn nobody is found by mail.
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
		case errors.Is(err, ErrNoSession) && !isShared(err):
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

// reasonShared is that of an address which several users of a tenant have. Nobody is found by
// it then, in other tenants either (threat B9).
const reasonShared = "mail_of_two_people"

func isShared(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Reason == reasonShared
}

// offlineByMail finds the one user of a tenant who has an address. If sessions of two
// people have it, neither is meant for sure. All sessions that have it are looked at: one
// person's may be many.
func (a *Auth) offlineByMail(ctx context.Context, tenant, address string, scopes []string) (*OfflineUser, error) {
	label, owner := mailLabel(tenant, address), ""
	for s, err := range inParallel(a.listed(ctx, label), func(name string) (*session, error) { return a.offlineListed(ctx, name, label) }) {
		switch {
		case err != nil:
			return nil, err
		case s == nil || s.User.TenantID != tenant || s.User.Mail != address:
		case owner != "" && owner != s.User.ID:
			return nil, ErrNoSession.because(reasonShared, nil)
		default:
			owner = s.User.ID
		}
	}
	if owner == "" {
		return nil, ErrNoSession
	}
	return a.offline(ctx, tenant, owner, scopes)
}

// tenants are those whose users may sign in, as far as they can be listed.
func (a *Auth) tenants(ctx context.Context) ([]string, error) {
	if len(a.cfg.AllowedTenants) > 0 || a.cfg.AnyTenantMaySignIn {
		return a.cfg.AllowedTenants, nil
	}
	if a.cfg.tenant != "" {
		return []string{a.cfg.tenant}, nil
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

// offline finds the newest session of a user that may be used.
func (a *Auth) offline(ctx context.Context, tenant, user string, scopes []string) (*OfflineUser, error) {
	search := &offlineSearch{auth: a, tenant: tenant, user: user}
	if len(scopes) > 0 {
		search.scopes = slices.Clone(a.tokenScopes(scopes))
	}
	s, err := search.next(ctx, nil)
	if err != nil {
		return nil, err
	}
	search.current.Store(s)
	k := a.credentialOf(s)
	k.search = search
	return &OfflineUser{User: *s.User.clone(), credential: k}, nil
}

// offlineSearch finds the sessions of a user. It is safe for concurrent use.
type offlineSearch struct {
	auth         *Auth
	tenant, user string
	scopes       []string                // which the session's sign-in must have been granted
	current      atomic.Pointer[session] // served last
}

// next returns the newest session that may be used, and was not tried. Records are asked
// what they are about, for lists are only hints.
func (o *offlineSearch) next(ctx context.Context, tried map[string]bool) (*session, error) {
	label := userLabel(o.tenant, o.user)
	for name, err := range o.auth.listed(ctx, label) {
		if err != nil {
			return nil, err
		}
		if tried[name] {
			continue
		}
		s, err := o.auth.offlineListed(ctx, name, label)
		if err != nil {
			return nil, err
		}
		if s != nil && s.User.TenantID == o.tenant && s.User.ID == o.user && len(missingFrom(s.Scopes, o.scopes)) == 0 {
			o.auth.audit(ctx, slog.LevelInfo, auditWorker, s)
			return s, nil
		}
	}
	return nil, ErrNoSession
}

// offlineListed is offlineSession for a name on a list, from which it is taken if it is
// over.
func (a *Auth) offlineListed(ctx context.Context, name string, label record.Label) (*session, error) {
	s, over, err := a.offlineSession(ctx, name)
	if over {
		_ = a.records.Delist(ctx, name, label) // or the next one does
	}
	return s, err
}

// offlineSession returns a session as a request would find it, remembered with its
// tokens and refusals, but does not prolong it. Without one it reports whether it is over:
// if not, another app or instance may accept it.
func (a *Auth) offlineSession(ctx context.Context, name string) (s *session, over bool, err error) {
	if a.ended.has(name) {
		return nil, true, nil
	}
	box, err := a.records.Sealed(ctx, name, record.Session)
	switch {
	case errors.Is(err, record.ErrNotFound):
		a.sessions.remove(name)
		return nil, true, nil
	case errors.Is(err, record.ErrCorrupt):
		_ = a.discardCorrupt(ctx, name) // or the next one does
		return nil, true, nil
	case err != nil:
		return nil, false, storageUnavailable(err)
	}
	r, err := a.decode(ctx, name, box)
	switch {
	case err != nil:
		return nil, true, nil //nolint:nilerr // logged, and no session
	case r == nil || !a.accepts(ctx, r):
		return nil, false, nil
	case !time.Now().Before(r.session.User.ExpiresAt):
		return nil, true, nil
	}
	return r.session, false, nil
}

// offlineToken gets a token for a user outside any request. Where the session that served
// last does not, the user's others are looked for, as they are now.
func (k *credential) offlineToken(ctx context.Context, ask func(*credential) (azcore.AccessToken, error)) (azcore.AccessToken, error) {
	tried := make(map[string]bool)
	var failure error
	for s := k.search.current.Load(); ; {
		token, err := k.auth.offlineTokenOf(ctx, s, ask)
		var e *Error
		gone := errors.Is(err, ErrNoSession)
		if err == nil {
			k.search.current.Store(s)
			return token, nil
		}
		if !errors.As(err, &e) || (!gone && !e.interactive()) {
			return token, err
		}
		if failure == nil || !gone { // that one has ended says less than that another must sign in
			failure = err
		}
		tried[s.recordName] = true
		s, err = k.search.next(ctx, tried)
		if errors.Is(err, ErrNoSession) {
			return azcore.AccessToken{}, failure
		}
		if err != nil {
			return azcore.AccessToken{}, err
		}
	}
}

// offlineTokenOf asks for a token of a session, if it is still there: nobody has looked.
func (a *Auth) offlineTokenOf(ctx context.Context, s *session, ask func(*credential) (azcore.AccessToken, error)) (azcore.AccessToken, error) {
	present, _, err := a.offlineSession(ctx, s.recordName)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	if present == nil {
		return azcore.AccessToken{}, ErrNoSession.because("signed_out", nil)
	}
	return ask(a.credentialOf(present))
}
