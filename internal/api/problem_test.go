package api_test

import (
	"regexp"
	"testing"

	"github.com/fibermsal/fibermsal/internal/api"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// asRFC6750 is a challenge with the characters that RFC 6750 section 3 allows.
var asRFC6750 = regexp.MustCompile(`^Bearer \w+="[ !#-\[\]-~]*"(, \w+="[ !#-\[\]-~]*")*$`)

// Handlers name scopes and write sentences, which may be of a request.
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
