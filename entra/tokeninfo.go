package entra

import (
	"slices"
	"time"

	"github.com/fibermsal/fibermsal/internal/accesstoken"
)

// TokenInfo describes the verified access token with which a client called. It does not contain the
// token itself, may be retained, and is safe for concurrent use.
type TokenInfo struct {
	// ClientID is the client ID of the application that called.
	ClientID string
	// Version is "1.0" or "2.0". Audience is the App ID URI or client ID for which the token was
	// issued.
	Version, Audience string
	// Scopes are the delegated permissions of the client, without the App ID URI.
	Scopes []string
	// Roles are the app roles of the user or, if the application calls without a user, of the
	// application.
	Roles []string
	// IssuedAt and ExpiresAt are when the token was issued and when it expires.
	IssuedAt, ExpiresAt time.Time
	// Capabilities are the capabilities of the client, if the registration adds the optional claim
	// xms_cc. "cp1" means that the client understands claims challenges.
	Capabilities []string
	// ActorFacets and SubjectFacets are the values of the claims xms_act_fct and xms_sub_fct, which are
	// numbers for the kinds of identity of the actor and the subject. "11" is an agent identity, and
	// "13" is the user account of an agent.
	ActorFacets, SubjectFacets []string
	// Blueprint is the client ID of the application from which the agent was created, in the claim
	// xms_par_app_azp. It is for logs. Many agents share a blueprint, so do not use it to decide what
	// an agent may do.
	Blueprint string

	claims *accesstoken.Claims
}

// Claim decodes a claim of the token into a variable, as json.Unmarshal does, for example a claim that
// a claims-mapping policy adds. It reports whether the token has the claim.
func (t *TokenInfo) Claim(name string, into any) (present bool, err error) {
	return t.claims.Claim(name, into)
}

// TokenFromContext returns the access token with which the request was authenticated. It returns false
// if no guard has accepted a token, for example because the caller is the user of a session.
func TokenFromContext(c Locals) (*TokenInfo, bool) {
	v := visitOf(c)
	if v == nil {
		return nil, false
	}
	s, err := v.Session()
	if err != nil || s == nil || s.Token == nil {
		return nil, false
	}
	t := s.Token
	return &TokenInfo{
		ClientID: t.ClientID, Version: t.Version, Audience: t.Audience,
		Scopes: slices.Clone(t.Scopes), Roles: slices.Clone(t.Roles),
		IssuedAt: time.Unix(t.IssuedAt, 0), ExpiresAt: time.Unix(t.Expiry, 0),
		Capabilities: slices.Clone(t.Capabilities), ActorFacets: slices.Clone(t.ActorFacets), SubjectFacets: slices.Clone(t.SubjectFacets), Blueprint: t.Blueprint,
		claims: t,
	}, true
}
