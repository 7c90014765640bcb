package fibermsal

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/idtoken"
)

// sessionOrigin is what a session belongs to beside its client id and keys: the redirect URI
// at which it began. Another app of the same registration, whose OnSignIn may refuse its
// user, must not accept it (threat E13). The port that https means anyway is left out: the
// instances of an app may spell its URL differently.
func (s *settings) sessionOrigin() string {
	return strings.TrimSuffix(s.PublicURL, defaultPort(s.PublicURL)) + strings.TrimPrefix(s.redirectURI, s.PublicURL)
}

// defaultPort is ":443" or ":80" if a checked origin ends with the port of its scheme.
func defaultPort(origin string) string {
	for scheme, port := range map[string]string{"https://": ":443", "http://": ":80"} {
		if strings.HasPrefix(origin, scheme) && strings.HasSuffix(origin, port) {
			return port
		}
	}
	return ""
}

// isOwn reports whether a session began at this app. Those of versions that did not record
// it are accepted: nothing tells whose they are, and the last one ends an AbsoluteTimeout
// after the deployment.
func (a *Auth) isOwn(s *session) bool { return s.Origin == "" || s.Origin == a.cfg.origin }

// accepts reports whether a session that exists is one here. One that is not stays in the
// storage: another app or another instance may accept it. It is audited once.
func (a *Auth) accepts(ctx context.Context, r *rememberedSession) bool {
	var reason string
	switch {
	case !a.isOwn(r.session):
		reason = "another_app"
	case !a.admits(r.session.User.TenantID): //nolint:contextcheck // nobody waits for what it may begin
		reason = "tenant_not_allowed"
	default:
		return true
	}
	if !r.refused.Swap(true) {
		a.audit(ctx, slog.LevelWarn, auditSessionRefused, r.session, slog.String("reason", reason))
	}
	return false
}

// admits reports whether users of a tenant may sign in, as the verifier of id_tokens
// decides. A configuration may have changed since they did.
func (a *Auth) admits(tenant string) bool {
	switch {
	case len(a.cfg.AllowedTenants) > 0:
		return slices.Contains(a.cfg.AllowedTenants, tenant)
	case a.cfg.AnyTenantMaySignIn:
		return tenant != idtoken.ConsumersTenant
	}
	only, known := a.knownTenant()
	return !known || only == tenant
}

// knownTenant is the tenant of the authority, if that is known without asking Entra. The
// one that a domain name stands for is learned on the first occasion, and does not keep
// anybody waiting: Entra may be down.
func (a *Auth) knownTenant() (tenant string, known bool) {
	if a.cfg.tenant != "" {
		return a.cfg.tenant, true
	}
	if tenant := a.tenant.Load(); tenant != nil {
		return *tenant, true
	}
	if a.learning.CompareAndSwap(false, true) {
		a.background("learning the tenant", func() {
			defer a.learning.Store(false)
			ctx, cancel := context.WithTimeout(context.Background(), entraTimeout)
			defer cancel()
			_, _ = a.tenants(ctx) // tried again by the next one
		})
	}
	return "", false
}
