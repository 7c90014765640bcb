package grants

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/ids"
	"github.com/fibermsal/fibermsal/entratest/internal/secrets"
)

// Each secret begins with a mark, so that a search through logs and stores finds leaks.
const codeMark = "1.canary-code-"

const codeLifetime = 10 * time.Minute

// Code is the data of an authorization code.
type Code struct {
	Grant
	RedirectURI, Challenge string

	expires  time.Time
	redeemed bool
}

// Codes are all authorization codes. They are safe for concurrent use.
type Codes struct {
	secrets *secrets.Set

	mu     sync.Mutex // guards the fields below and the codes
	issued map[string]*Code
	lax    bool
}

// NewCodes returns an empty store. It adds its codes to the secrets.
func NewCodes(s *secrets.Set) *Codes { return &Codes{secrets: s, issued: map[string]*Code{}} }

// Issue creates and stores a new code for the given data.
func (c *Codes) Issue(code *Code) string {
	value := codeMark + ids.Text(400)
	code.expires = time.Now().Add(codeLifetime)
	c.secrets.Add(value)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.issued[value] = code
	return value
}

// AcceptAnyVerifier switches the check of PKCE verifiers off or on.
func (c *Codes) AcceptAnyVerifier(accept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lax = accept
}

// Redemption contains the parameters of a token call with a code.
type Redemption struct {
	Code, RedirectURI, Verifier string
	Tenants                     []*directory.Tenant
	Client                      Client
}

// Redeem exchanges a code for its grant, once.
func (c *Codes) Redeem(call Redemption) (*Grant, *aadsts.Error) {
	switch {
	case call.Code == "":
		return nil, aadsts.New(900144, "code")
	case call.RedirectURI == "":
		return nil, aadsts.New(900144, "redirect_uri")
	case !strings.HasPrefix(call.Code, "1."):
		return nil, aadsts.New(9002313).As("invalid_grant")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	code := c.issued[call.Code]
	switch {
	case code == nil:
		return nil, aadsts.New(70000, "code")
	case code.redeemed:
		return nil, aadsts.New(54005)
	case time.Now().After(code.expires):
		return nil, aadsts.New(70008)
	case !slices.Contains(call.Tenants, code.Account.Tenant):
		return nil, aadsts.New(700005, code.Account.Tenant.ID)
	case call.RedirectURI != code.RedirectURI:
		return nil, aadsts.New(500112, call.RedirectURI, code.RedirectURI)
	case !c.lax && !code.verifies(call.Verifier):
		return nil, aadsts.New(501481)
	}
	if fail := cmp.Or(code.permit(call.Client), code.Check()); fail != nil {
		return nil, fail
	}
	code.redeemed = true
	return &code.Grant, nil
}

// verifies checks a PKCE verifier against the stored S256 challenge. Without a challenge only an absent
// verifier is right: MSAL Go then sends an empty one.
func (c *Code) verifies(verifier string) bool {
	if c.Challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(want), []byte(c.Challenge)) == 1
}
