package fibermsal_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// A tenant's claims mapping can give any claim any type. Users are refused only because of claims about
// the identity, the times and the nonce, which TestB3, TestB6 and TestA8 test.
func TestClaims_OfAnUnexpectedTypeRefuseNobody(t *testing.T) {
	t.Parallel()
	const canary = "canary-value"
	for claim, values := range map[string][]string{
		"name":               {`1`, `["` + canary + `"]`, `{"` + canary + `":1}`, `true`, `1e999`},
		"preferred_username": {`1`, `["` + canary + `"]`, `{}`, `false`},
		"email":              {`["` + canary + `@contoso.com"]`, `["a","b"]`, `7`, `{}`},
		"sid":                {`1`, `["` + canary + `"]`},
		"login_hint":         {`1`, `["` + canary + `"]`},
		"idp":                {`1`, `["` + canary + `"]`, `{}`},
		"azp":                {`1`, `["` + canary + `"]`},
		"roles":              {`1`, `{"` + canary + `":1}`, `true`, `[["` + canary + `"]]`, `[1,2]`},
		"groups":             {`1`, `{}`, `[{"` + canary + `":1}]`},
		"acrs":               {`1`, `{}`, `[1]`},
		"auth_time":          {`"` + canary + `"`, `[1]`, `{}`, `true`},
		"hasgroups":          {`"` + canary + `"`, `1`, `[]`},
		"_claim_names":       {`"` + canary + `"`, `1`, `["` + canary + `"]`},
		"given_name":         {`["` + canary + `"]`}, // MSAL decodes these, and the library does not
		"family_name":        {`1`},
		"middle_name":        {`{}`},
		"upn":                {`["` + canary + `"]`},
		"alternative_id":     {`1`},
		"UPN":                {`["` + canary + `"]`},
		"extension_a1":       {`["` + canary + `"]`, `1`},
	} {
		known := claim != "given_name" && claim != "family_name" && claim != "middle_name" && strings.ToLower(claim) != "upn" && claim != "alternative_id" && claim != "extension_a1"
		for _, value := range values {
			t.Run(claim+" "+value, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, newIDP(t))
				s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims[claim] = json.RawMessage(value) })
				if value == "1e999" {
					s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims[claim] = json.Number("1e999") })
				}
				b := s.browser()
				b.signIn(adele)
				info := b.Get("/user/info").JSON(t)
				if u, _ := s.idp.User(adele); info["oid"] != u.ID || b.Get("/token").Text != adele {
					t.Errorf("info: %v\n%s", info, s.log)
				}
				log := s.log.String()
				if named := strings.Contains(log, `"claims":["`+claim+`"]`); named != known || strings.Contains(log, canary) {
					t.Errorf("the log names the claim: %t\n%s", named, log)
				}
			})
		}
	}
}

// Values that can be used are used. For example, a string is treated as a list with one element.
func TestClaims_OfAnUnexpectedTypeAreUsedIfTheyCanBe(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	s.app.Get("/reader", fibermsal.Require(fibermsal.HasRole("Reader")), func(c *fiber.Ctx) error { return c.SendString("shown") })
	s.app.Get("/empty", fibermsal.Require(fibermsal.HasRole("")), func(c *fiber.Ctx) error { return c.SendString("shown") })
	group := "11111111-1111-1111-1111-111111111111" // of /group
	for name, row := range map[string]struct {
		claim, value, path string
		shown, logged      bool
	}{
		"role":              {"roles", `"Reader"`, "/reader", true, false},
		"role of others":    {"roles", `"Reader Writer"`, "/reader", false, false},
		"role among others": {"roles", `[1,"Reader",null,{}]`, "/reader", true, true},
		"no role":           {"roles", `""`, "/empty", false, false},
		"no roles":          {"roles", `["",null]`, "/empty", false, false},
		"null":              {"roles", `null`, "/reader", false, false},
		"group":             {"groups", `"` + group + `"`, "/group", true, false},
		"group in capitals": {"groups", `["` + strings.ToUpper(group) + `"]`, "/group", true, false},
		"context":           {"acrs", `"c1"`, "/step-up", true, false},
		"context, another":  {"acrs", `"c2"`, "/step-up", false, false},
		"time as text":      {"auth_time", `"4102444800"`, "/max-age", false, false}, // far in the future
	} {
		t.Run(name, func(t *testing.T) {
			logged := strings.Count(s.log.String(), "unexpected JSON type")
			s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims[row.claim] = json.RawMessage(row.value) })
			b := s.browser()
			b.signIn(adele)
			if a := b.Send(ways["fetch"](row.path)); (a.Text == "shown") != row.shown {
				t.Errorf("%d %s", a.StatusCode, a.Text)
			}
			if logged = strings.Count(s.log.String(), "unexpected JSON type") - logged; (logged == 1) != row.logged || logged > 1 {
				t.Errorf("logged %d times", logged)
			}
		})
	}
}

// Groups that cannot be read do not mean that the user has no groups. Config.Groups is called instead.
func TestB12_GroupsThatCannotBeReadAreLookedUp(t *testing.T) {
	t.Parallel()
	for _, value := range []string{`{"a":1}`, `1`, `[1]`, `["22222222-2222-2222-2222-222222222222",1]`} {
		var asked []string
		s := newInteractiveSite(t, newIDP(t), func(cfg *fibermsal.Config) {
			cfg.Groups = askedGroups(&asked)
		})
		s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["groups"] = json.RawMessage(value) })
		b := s.browser()
		b.signIn(adele)
		if a := b.Get("/group"); a.StatusCode != http.StatusOK || !slices.Equal(asked, []string{"11111111-1111-1111-1111-111111111111"}) {
			t.Errorf("%s: %d, asked for %v", value, a.StatusCode, asked)
		}
	}
}

// askedGroups is a Config.Groups that records its arguments, and reports that the user is in each
// group.
func askedGroups(asked *[]string) func(context.Context, azcore.TokenCredential, []string) ([]string, error) {
	return func(_ context.Context, _ azcore.TokenCredential, ids []string) ([]string, error) {
		*asked = append(*asked, ids...)
		return ids, nil
	}
}
