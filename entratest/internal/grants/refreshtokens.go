package grants

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/ids"
	"github.com/fibermsal/fibermsal/entratest/internal/secrets"
)

const refreshMark = "0.canary-rt-"

const refreshIdleTime = 90 * 24 * time.Hour

type refreshToken struct {
	Grant
	used     bool
	lastUsed time.Time
}

// RefreshTokens are all refresh tokens. They are safe for concurrent use.
type RefreshTokens struct {
	secrets *secrets.Set
	oneTime bool

	mu     sync.Mutex // guards the fields below and the tokens
	issued map[string]*refreshToken
}

// NewRefreshTokens returns an empty store. It adds its tokens to the secrets. With oneTime, each token
// works only once.
func NewRefreshTokens(s *secrets.Set, oneTime bool) *RefreshTokens {
	return &RefreshTokens{secrets: s, oneTime: oneTime, issued: map[string]*refreshToken{}}
}

// Issue creates and stores a new refresh token.
func (t *RefreshTokens) Issue(g Grant) string {
	value := refreshMark + ids.Text(1000)
	t.secrets.Add(value)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.issued[value] = &refreshToken{Grant: g, lastUsed: time.Now()}
	return value
}

// Redeem exchanges a refresh token for its grant. tenants are those of the token call's URL.
func (t *RefreshTokens) Redeem(value string, tenants []*directory.Tenant, client Client) (*Grant, *aadsts.Error) {
	switch {
	case value == "":
		return nil, aadsts.New(900144, "refresh_token")
	case !strings.HasPrefix(value, "0."):
		return nil, aadsts.New(9002313).As("invalid_grant")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	token := t.issued[value]
	switch {
	case token == nil, token.used && t.oneTime:
		return nil, aadsts.New(70000, "refresh_token")
	case time.Since(token.lastUsed) > refreshIdleTime:
		return nil, aadsts.New(700082, token.Granted.UTC().Format(time.RFC3339))
	case token.SPA && !time.Now().Before(token.SPAEnd()):
		return nil, aadsts.New(700084, token.Granted.UTC().Format(time.RFC3339))
	case !slices.Contains(tenants, token.Account.Tenant):
		return nil, aadsts.New(50034, token.Account.UPN, tenants[0].ID)
	}
	if fail := cmp.Or(token.permit(client), token.Check()); fail != nil {
		return nil, fail
	}
	// entra: using a refresh token gives a new one and does not end the old one.
	token.used, token.lastUsed = true, time.Now()
	renewed := token.Grant
	renewed.Nonce = "" // entra: the nonce belongs to the authorization request only
	return &renewed, nil
}

// Unspend makes a one-time refresh token valid again after its call has failed, because a refused call,
// for example one with an invalid scope, does not use up the token.
func (t *RefreshTokens) Unspend(value string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if token := t.issued[value]; token != nil {
		token.used = false
	}
}
