package api_test

import (
	"regexp"
	"testing"

	"github.com/fibermsal/fibermsal/internal/api"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// Errors that require the user must differ from those that a new token resolves silently.
func TestProblemOf_SaysWhatResolvesIt(t *testing.T) {
	t.Parallel()
	c := api.Challenger{Realm: "https://app.example", Audience: "api://orders"}
	for name, row := range map[string]struct {
		err       *autherr.Error
		challenge string
	}{
		"no token":         {autherr.LoginRequired.New("", nil), `Bearer realm="https://app.example"`},
		"a revoked user":   {autherr.LoginRequired.New("invalid_grant", nil), `Bearer realm="https://app.example", error="invalid_token", error_description="Please sign in."`},
		"a second factor":  {autherr.LoginRequired.New("interaction_required", nil), `Bearer realm="https://app.example", error="insufficient_user_authentication", error_description="Please sign in."`},
		"a forbidden user": {autherr.Forbidden.New("role", nil), `Bearer realm="https://app.example"`},
		"consent": {
			autherr.ConsentRequired.Requiring("consent_required", nil, flow.Requirements{Scopes: []string{"Mail.Read"}}),
			`Bearer realm="https://app.example", error="insufficient_scope", error_description="This needs a permission that has not been granted.", scope="api://orders/.default"`,
		},
		"words that would break the header": {
			withMessage(autherr.InvalidToken.New("x", nil), `a "b", c=d\`),
			`Bearer realm="https://app.example", error="invalid_token", error_description="a b cd"`,
		},
	} {
		if got := c.Challenge(c.ProblemOf(row.err)); got != row.challenge {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// withMessage returns an error with a message of the app's own.
func withMessage(e *autherr.Error, message string) *autherr.Error {
	e.Message = message
	return e
}

// asRFC6750 is a challenge with the characters that RFC 6750 section 3 allows.
var asRFC6750 = regexp.MustCompile(`^Bearer \w+="[ !#-\[\]-~]*"(, \w+="[ !#-\[\]-~]*")*$`)

// Scopes and messages of handlers may come from a request.
func TestChallenge_TextsDoNotLeaveTheirQuotes(t *testing.T) {
	t.Parallel()
	const hostile = "x\", realm=\"y\\\r\nSet-Cookie: a=b\x00\x7fé"
	c := api.Challenger{Realm: "https://app.example", Audience: "api://" + hostile}
	said := autherr.InvalidToken.New("", nil)
	said.Message = hostile
	for name, e := range map[string]*autherr.Error{
		"a scope":    autherr.InsufficientScope.Requiring("", nil, flow.Requirements{Scopes: []string{"a", hostile}}),
		"a sentence": said,
		"claims":     autherr.ClaimsChallenge.Requiring("", nil, flow.Requirements{Claims: hostile}),
		"the API":    autherr.ConsentRequired.New("", nil),
	} {
		if got := c.Challenge(c.ProblemOf(e)); !asRFC6750.MatchString(got) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
