package entratest

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"
)

// Each secret begins with a mark, so that a search through logs and stores finds leaks.
const (
	codeMark    = "1.canary-code-"
	accessMark  = "EwB-canary-at-"
	refreshMark = "0.canary-rt-"
)

const (
	codeLifetime    = 10 * time.Minute
	refreshIdleTime = 90 * 24 * time.Hour
)

// grant is what a person has granted to the app by one sign-in. It is immutable.
type grant struct {
	account  *account
	sessions int // account.sessions when granted
	granted  time.Time
	scopes   []scope
	nonce    string
	sid      string
	authTime time.Time
	acrs     []string // authentication contexts satisfied and asked for
	idToken  wanted   // what the request wants in the ID token
}

// wanted is what an authorization request wants in the ID token beyond the registration's optional claims.
type wanted struct{ authTime, acrs bool }

// revoked tells whether the grant is from before a Revoke. The caller holds Server.mu.
func (g *grant) revoked() bool { return g.sessions != g.account.sessions }

type code struct {
	grant
	redirectURI, challenge string
	expires                time.Time
	redeemed               bool
}

type refreshToken struct {
	grant
	used     bool
	lastUsed time.Time
}

// accessToken is of an account or, if that is nil, of the application itself.
type accessToken struct {
	grant
	tenant   *tenant
	resource string
	names    []string // permissions of that resource
	expires  time.Time
	cae      bool   // the client declared cp1
	azpacr   string // how it authenticated: "1" by secret, "2" by assertion
}

// issuance is every credential that is out. Guarded by Server.mu.
type issuance struct {
	codes   map[string]*code
	refresh map[string]*refreshToken
	access  map[string]*accessToken
}

func newIssuance() issuance {
	return issuance{map[string]*code{}, map[string]*refreshToken{}, map[string]*accessToken{}}
}

// issueCode files a new authorization code. The caller holds s.mu, as for its siblings.
func (s *Server) issueCode(c *code) string {
	value := codeMark + randomText(400)
	c.expires = time.Now().Add(codeLifetime)
	s.issued.codes[value] = c
	s.remember(value)
	return value
}

func (s *Server) issueRefreshToken(g grant) string {
	value := refreshMark + randomText(1000)
	s.issued.refresh[value] = &refreshToken{grant: g, lastUsed: time.Now()}
	s.remember(value)
	return value
}

func (s *Server) issueAccessToken(t *accessToken) string {
	t.expires = time.Now().Add(s.tokenLifetime)
	value := s.encodeAccessToken(t)
	s.issued.access[value] = t
	s.remember(value)
	return value
}

// verifies checks a PKCE verifier against the stored S256 challenge. Without a challenge only an absent
// verifier is right: MSAL Go then sends an empty one.
func (c *code) verifies(verifier string) bool {
	if c.challenge == "" {
		return verifier == ""
	}
	sum := sha256.Sum256([]byte(verifier))
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(want), []byte(c.challenge)) == 1
}

// TokenUser names the owner (UPN) of an access token this server has issued, expired or not. Tokens of the
// application itself have none.
func (s *Server) TokenUser(accessToken string) (login string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.issued.access[accessToken]
	if t == nil || t.account == nil {
		return "", false
	}
	return t.account.UPN, true
}

// Issue returns a Graph access token of the user without a sign-in, for tests of Graph alone.
// Without scopes it is for User.Read.
func (s *Server) Issue(login string, scopes ...string) string {
	a := s.mustFind(login)
	if len(scopes) == 0 {
		scopes = []string{"User.Read"}
	}
	t := &accessToken{resource: graphResource, tenant: a.tenant, azpacr: "1"}
	for _, raw := range scopes {
		sc, err := s.scopes.parseOne(raw)
		if err != nil || sc.resource != graphResource {
			panic("entratest: Graph has no scope " + raw)
		}
		t.names = append(t.names, sc.name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t.grant = grant{account: a, sessions: a.sessions, granted: time.Now(), authTime: time.Now()}
	return s.issueAccessToken(t)
}
