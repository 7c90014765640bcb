package entra

import (
	"slices"
	"time"

	"github.com/fibermsal/fibermsal/internal/accesstoken"
)

// TokenInfo is the verified access token with which a client called. It contains no part of the token
// itself, may be kept, and is safe for concurrent use.
type TokenInfo struct {
	// ClientID is the application that called.
	ClientID string
	// Version is "1.0" or "2.0", and Audience the App ID URI or client ID of the API that the token
	// names.
	Version, Audience string
	// Scopes are the delegated permissions of the client, without the API's address.
	Scopes []string
	// Roles are the app roles of the user, or of the application that calls as itself.
	Roles []string
	// IssuedAt and ExpiresAt are when the token was issued and when it ends.
	IssuedAt, ExpiresAt time.Time
	// Capabilities are those of the client, if the registration adds the optional claim xms_cc: "cp1"
	// is a client that understands claims challenges.
	Capabilities []string
	// ActorFacets and SubjectFacets are those of the claims xms_act_fct and xms_sub_fct, numbers that
	// say what kind of identity the actor and the subject are. "11" is an agent identity, "13" the user
	// account of an agent.
	ActorFacets, SubjectFacets []string
	// Blueprint is the client ID of the application that the agent was made of, in the claim
	// xms_par_app_azp. It is for logs: many agents share it, so it should not decide what they may do.
	Blueprint string

	claims *accesstoken.Claims
}

// Claim decodes any claim of the token, such as a claim that a policy adds, as json.Unmarshal does. It
// reports whether the token has the claim.
func (t *TokenInfo) Claim(name string, into any) (present bool, err error) {
	return t.claims.Claim(name, into)
}

// TokenFromContext returns the access token with which the request was authenticated, or false if no
// guard has accepted one, as for the user of a session.
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
