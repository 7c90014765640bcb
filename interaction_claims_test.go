package fibermsal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestB14_ClaimsOfAChallengeAreAskedForOnce(t *testing.T) {
	t.Parallel()
	b := newInteractiveSite(t, newIDP(t)).browser()
	b.signIn(adele)
	challenge := b.Navigate("/challenge")
	claims := func(location string) string {
		u, err := url.Parse(b.Navigate(location).Location())
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("claims")
	}
	if got := claims(challenge.Location()); !strings.Contains(got, `"nbf"`) || !strings.Contains(got, `"1635527790"`) {
		t.Errorf("claims %s", got)
	}
	if got := claims("/user/login"); strings.Contains(got, "nbf") {
		t.Errorf("a plain sign-in asks for the claims, too: %s", got)
	}
}

func TestB14_WhatCannotBeAskedForIsRefused(t *testing.T) {
	t.Parallel()
	// Without the library's own recover a panic would end the process.
	s := newSite(t, newIDP(t))
	s.app = newApp()
	s.app.Use(recoverPanics(), s.auth.Handler())
	fibermsal.RegisterRoutes(s.app)
	b := s.browser()
	b.signIn(adele)
	challenge := func(claims string) fibermsal.Check {
		return func(*fiber.Ctx, *fibermsal.User) error { return fibermsal.ClaimsChallenge(claims) }
	}
	many := make([]string, 60)
	for i := range many {
		many[i] = fmt.Sprintf("Some.Scope%d", i)
	}
	for name, row := range map[string]struct {
		check  fibermsal.Check
		reason string // of the refusal; empty if there is a sign-in
	}{
		"a claim":             {challenge(`{"access_token":{"nbf":{"essential":true,"value":"1"}}}`), ""},
		"a claim of any kind": {challenge(`{"id_token":{"auth_time":null}}`), ""},
		"none of a token":     {challenge(`{"id_token":null}`), ""},
		"as many as fit":      {challenge(`{"access_token":{"capolids":{"values":["` + strings.Repeat("x", 600) + `"]}}}`), ""},
		"too many claims":     {challenge(`{"access_token":{"capolids":{"values":["` + strings.Repeat("x", 700) + `"]}}}`), "exceed 700 bytes"},
		"too many scopes":     {fibermsal.HasScope(many...), "exceed 700 bytes"},
		"null":                {challenge("null"), "decoded from base64"},
		"a list":              {challenge("[]"), "decoded from base64"},
		"a text":              {challenge("eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="), "decoded from base64"},
		"a number":            {challenge(`{"access_token":1}`), "decoded from base64"},
	} {
		s.app.Get("/"+url.PathEscape(name), fibermsal.Require(row.check))
		for _, way := range []string{"navigation", "fetch"} {
			a := b.Send(ways[way]("/" + url.PathEscape(name)))
			if row.reason != "" {
				if a.StatusCode != http.StatusInternalServerError || a.Location() != "" || !strings.Contains(s.log.String(), row.reason) {
					t.Errorf("%s by %s: %d to %q\n%s", name, way, a.StatusCode, a.Location(), s.log)
				}
				continue
			}
			if way == "fetch" {
				continue
			}
			if to := b.Navigate(a.Location()); to.StatusCode != http.StatusSeeOther || !strings.Contains(to.Location(), "/authorize") {
				t.Errorf("%s: %d to %q, then %d %.60q", name, a.StatusCode, a.Location(), to.StatusCode, to.Text)
			}
		}
	}
}

func TestB14_ManyConfiguredScopesLeaveRoomForAChallenge(t *testing.T) {
	t.Parallel()
	many := []string{"User.Read"}
	for i := range 60 {
		many = append(many, fmt.Sprintf("api.permission-%d", i))
	}
	var graphs []string
	for _, s := range many {
		graphs = append(graphs, "https://graph.microsoft.com/"+s)
	}
	s := newSite(t, newIDP(t, entratest.WithScopes(graphs...)), func(cfg *fibermsal.Config) { cfg.Scopes = many })
	s.app.Get("/api", func(c *fiber.Ctx) error {
		_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Claims: `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`})
		return err
	})
	s.app.Get("/mail", func(c *fiber.Ctx) error {
		_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: append([]string{"Mail.Read"}, many...)})
		return err
	})
	b := s.browser()
	b.signIn(adele)
	if authorize, _ := b.follow("/api", adele); !strings.Contains(authorize.Get("claims"), "nbf") {
		t.Errorf("claims %s", authorize.Get("claims"))
	}
	if authorize, landed := b.follow("/mail", adele); !strings.Contains(authorize.Get("scope"), "Mail.Read") || landed.StatusCode != http.StatusOK {
		t.Errorf("scopes %s, then %d", authorize.Get("scope"), landed.StatusCode)
	}
}

func TestB14_ClaimsThatEntraWantsOfACodeAreAskedFor(t *testing.T) {
	t.Parallel()
	fault := entratest.Fault{OAuth: &entratest.OAuthError{
		Error: "interaction_required", Codes: []int{50076}, Claims: `{"access_token":{"capolids":{"essential":true,"values":["the policy"]}}}`,
	}}
	for name, row := range map[string]struct {
		page string
		also string // in the claims
	}{
		"of a sign-in":  {"/signed-in?q=1", "xms_cc"},
		"of a step-up":  {"/step-up", `"value":"c1"`},
		"beside a hint": {"/step-up", `"value":"c1"`},
	} {
		s := newInteractiveSite(t, newIDP(t))
		if name == "beside a hint" {
			s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["login_hint"] = strings.Repeat("h", 600) })
		}
		b := s.browser()
		if name != "of a sign-in" {
			b.signIn(adele)
		}
		oneTime := fault
		oneTime.Times = 1
		s.idp.Fault(entratest.Token, oneTime)
		authorizeURL := b.Navigate(b.Navigate(row.page).Location()).Location()
		again := b.Send(b.approve(authorizeURL, adele).Request())
		u, err := url.Parse(again.Location())
		if err != nil || again.StatusCode != http.StatusSeeOther || !strings.Contains(u.Query().Get("claims"), "the policy") ||
			!strings.Contains(u.Query().Get("claims"), row.also) {
			t.Fatalf("%s: %d to %q\n%s", name, again.StatusCode, again.Location(), again.Text)
		}
		back := b.Send(b.approve(again.Location(), adele).Request())
		if back.Location() != row.page || b.Navigate(back.Location()).Text != "shown" {
			t.Errorf("%s: at last %d to %q", name, back.StatusCode, back.Location())
		}

		s.idp.Fault(entratest.Token, fault) // whatever the user does
		b = s.browser()
		a := b.Navigate(b.Navigate("/signed-in").Location())
		rounds := 0
		for ; a.StatusCode == http.StatusSeeOther && rounds < 10; rounds++ {
			a = b.Send(b.approve(a.Location(), adele).Request())
		}
		if a.StatusCode != http.StatusForbidden || rounds > 4 || !strings.Contains(a.Text, "did not help") || strings.Contains(a.Text, "/user/login") {
			t.Errorf("%s, for ever: after %d rounds %d %s", name, rounds, a.StatusCode, a.Text)
		}
	}
}

func TestA16_WhatIsAskedForCannotBeForged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newInteractiveSite(t, newIDP(t))
		b, other := s.browser(), s.browser()
		b.signIn(adele)
		other.signIn(alex)
		location := b.Navigate("/scope").Location()
		u, err := url.Parse(location)
		if err != nil {
			t.Fatal(err)
		}
		sealed := u.Query().Get("ask")
		scopes := func(b *browser, sealed string) string {
			to, err := url.Parse(b.Navigate("/user/login?ask=" + sealed).Location())
			if err != nil {
				t.Fatal(err)
			}
			return to.Query().Get("scope")
		}
		if !strings.Contains(scopes(b, sealed), "Mail.Read") {
			t.Error("the genuine one asks for nothing")
		}
		flipped := []byte(sealed)
		flipped[len(flipped)/2] ^= 1
		for name, row := range map[string]struct {
			b      *browser
			sealed string
		}{
			"changed": {b, string(flipped)}, "cut": {b, sealed[:len(sealed)-3]}, "empty": {b, ""}, "long": {b, strings.Repeat("A", 3000)},
			"plain text": {b, "Mail.Read"}, "of somebody else": {other, sealed}, "nobody is signed in": {s.browser(), sealed},
			"a cookie's value": {b, b.session()},
		} {
			if got := scopes(row.b, row.sealed); strings.Contains(got, "Mail.Read") {
				t.Errorf("%s: scopes %q", name, got)
			}
		}
		time.Sleep(11 * time.Minute)
		if got := scopes(b, sealed); strings.Contains(got, "Mail.Read") {
			t.Errorf("after eleven minutes: scopes %q", got)
		}
	})
}
