package fibermsal_test

import (
	"context"
	"html"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestToken_ScopesMayComeAsOneText(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.Scopes = []string{"User.Read", "Mail.Read"} })
	s.app.Get("/text", func(c *fiber.Ctx) error {
		for _, scopes := range [][]string{{"Mail.Read User.Read"}, {"user.read", "MAIL.READ"}, {"Mail.Read", "User.Read", "openid"}} {
			if _, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: scopes}); err != nil {
				return err
			}
		}
		return nil
	})
	b := s.browser()
	b.signIn(adele)
	s.idp.ResetRequests()
	if a := b.Get("/text"); a.StatusCode != http.StatusOK || s.idp.Count(entratest.Token) != 0 {
		t.Errorf("%d %s, %d token calls", a.StatusCode, a.Text, s.idp.Count(entratest.Token))
	}
}

func TestToken_ScopesThatWereNotGrantedNeedConsent(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	tokenHandler := func(options policy.TokenRequestOptions) fiber.Handler {
		return func(c *fiber.Ctx) error {
			_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), options)
			return err
		}
	}
	s.app.Get("/mail", tokenHandler(policy.TokenRequestOptions{Scopes: []string{"Mail.Read"}}))
	s.app.Get("/challenge", tokenHandler(policy.TokenRequestOptions{Claims: `{"access_token":{}}`}))
	s.app.Get("/default", tokenHandler(policy.TokenRequestOptions{Scopes: []string{"https://graph.entra.test/.default"}}))
	s.app.Get("/long", tokenHandler(policy.TokenRequestOptions{Scopes: []string{"https://graph.entra.test/User.Read"}}))
	b := s.browser()
	b.signIn(adele)
	s.idp.ResetRequests()
	for path, status := range map[string]int{"/mail": 403, "/challenge": 401, "/default": 200, "/long": 200} {
		if a := b.Get(path); a.StatusCode != status || a.Location() != "" {
			t.Errorf("%s: status %d, Location %q", path, a.StatusCode, a.Location())
		}
	}
	if n := s.idp.Count(entratest.Token); n != 1 {
		t.Errorf("%d token calls, want one for the scope that is missing", n)
	}
}

func TestToken_ScopesOfGraphAreTheSameHoweverWritten(t *testing.T) {
	const graphsID = "00000003-0000-0000-c000-000000000000/"
	spellings := []string{"User.Read", "user.read", "https://graph.microsoft.com/User.Read", "https://graph.entra.test/User.Read", graphsID + "User.Read"}
	for name, configured := range map[string][]string{
		"short":         {"User.Read", "Mail.Read"},
		"long":          {"https://graph.microsoft.com/User.Read", "https://graph.microsoft.com/Mail.Read"},
		"first long":    {"https://graph.microsoft.com/User.Read", "Mail.Read"},
		"last long":     {"User.Read", "https://graph.microsoft.com/Mail.Read"},
		"twice":         {"User.Read", "https://graph.microsoft.com/user.read", graphsID + "Mail.Read"},
		"at its host":   {"https://graph.entra.test/User.Read", "https://Graph.Entra.Test/Mail.Read"},
		"everything":    {"https://graph.microsoft.com/.default"},
		"by host":       {"https://graph.entra.test/.default"},
		"by its id":     {graphsID + ".default"},
		"short default": {".default"},
	} {
		for echo, prefix := range map[string]string{"short": "", "long": "https://graph.microsoft.com/"} {
			t.Run(name+", granted "+echo, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.Scopes = configured })
					s.idp.TamperTokenResponse(func(_ string, body map[string]any) { body["scope"] = spelled(body["scope"], prefix) })
					tokenHandler := func(scopes ...string) fiber.Handler {
						return func(c *fiber.Ctx) error {
							_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: scopes})
							return err
						}
					}
					paths := []string{"/token", "/graph"}
					for i, spelling := range spellings {
						paths = append(paths, "/scope/"+strconv.Itoa(i), "/token/"+strconv.Itoa(i))
						s.app.Get("/scope/"+strconv.Itoa(i), fibermsal.Require(fibermsal.HasScope(spelling)))
						s.app.Get("/token/"+strconv.Itoa(i), tokenHandler(spelling))
					}
					s.app.Get("/graph", tokenHandler("https://graph.entra.test/.default"))
					b := s.browser()
					b.signIn(adele)
					for _, path := range paths {
						if a := b.Get(path); a.StatusCode != http.StatusOK && a.StatusCode != http.StatusNotFound { // the guarded path has no page
							t.Errorf("%s: %d %s\n%s", path, a.StatusCode, a.Text, s.log)
						}
					}
					if n := s.idp.Count(entratest.Token); n != 1 {
						t.Errorf("%d token calls", n)
					}
					time.Sleep(2 * time.Hour)
					for _, path := range paths {
						b.Get(path)
					}
					if n := s.idp.Count(entratest.Token); n != 2 {
						t.Errorf("%d token calls after the token's end", n)
					}
					s.app.Get("/missing", fibermsal.Require(fibermsal.HasScope("https://graph.microsoft.com/Calendars.Read")))
					if a := b.Get("/missing"); a.StatusCode != http.StatusForbidden {
						t.Errorf("not granted: %d", a.StatusCode)
					}
				})
			})
		}
	}
}

// spelled writes the granted scopes of Graph with a prefix, or without.
func spelled(granted any, prefix string) string {
	text, _ := granted.(string)
	var scopes []string
	for _, s := range strings.Fields(text) {
		short := strings.TrimPrefix(s, "https://graph.microsoft.com/")
		if strings.Contains(short, ".") && short != ".default" {
			s = prefix + short
		}
		scopes = append(scopes, s)
	}
	return strings.Join(scopes, " ")
}

func TestToken_ScopesOfOtherResourcesAreNotGraphs(t *testing.T) {
	t.Parallel()
	for name, scope := range map[string]string{
		"by its address": otherAPI, "by its id": "499b84ac-1321-427f-aa17-267ca6975798/user_impersonation",
		"by a host like Graph's": "https://graph.microsoft.com.example/User.Read",
	} {
		s := newSite(t, newIDP(t, entratest.WithScopes(scope)))
		s.app.Get("/other", func(c *fiber.Ctx) error {
			_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: []string{scope}})
			return err
		})
		b := s.browser()
		b.signIn(adele)
		if authorize, landed := b.follow("/other", adele); landed.StatusCode != http.StatusOK || !strings.Contains(authorize.Get("scope"), scope) {
			t.Errorf("%s: %d, asked for %q", name, landed.StatusCode, authorize.Get("scope"))
		}
	}
}

func TestH1_ScopesOfARequestAreCopied(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	s := newSite(t, idp, func(cfg *fibermsal.Config) { cfg.Scopes = []string{"User.Read", "Mail.Read"} })
	s.app.Get("/scope/:scope", func(c *fiber.Ctx) error {
		credential, scope := fibermsal.TokenCredential(c), c.Params("scope") // aliases the request
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		_, _ = credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
		return nil
	})
	b := s.browser()
	b.signIn(adele)
	client := s.serve()
	idp.Fault(entratest.Token, entratest.Fault{Delay: 5 * time.Millisecond})
	for i := range 100 {
		fetch(t, client, "/scope/Calendars.Read", b.session())
		fetch(t, client, "/scope/zzzzzzzzzzzzzz"+strconv.Itoa(i%10), b.session())
	}
	for _, r := range idp.Requests(entratest.Token) {
		for _, scope := range strings.Fields(r.Form.Get("scope")) {
			if strings.Contains(scope, "z") && strings.Contains(scope, "C") {
				t.Errorf("a mixture was asked for: %q", scope)
			}
		}
	}
}

func TestB15_DeclinedScopesAreAPageAndNoLoop(t *testing.T) {
	t.Parallel()
	for _, mode := range []fibermsal.ResponseMode{fibermsal.ResponseModeFormPost, fibermsal.ResponseModeQuery} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
				cfg.ResponseMode, cfg.Scopes = mode, []string{"User.Read", "Mail.Read"}
			}).browser()
			b.idp.TamperTokenResponse(func(_ string, body map[string]any) { body["scope"] = "openid profile User.Read" })
			r := b.approve(b.start(""), adele).Request()
			r.Header.Set("Accept", "text/html")
			a := b.Send(r)
			b.assertRejected(a, http.StatusForbidden, "scopes_declined")
			if a.Location() != "" || !strings.Contains(b.log.String(), "Mail.Read") {
				t.Errorf("Location %q\n%s", a.Location(), b.log)
			}
		})
	}
}

func TestB15_WhatTheHookMissesIsOfferedToBeAskedFor(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.OnSignIn = func(ctx context.Context, in *fibermsal.SignIn) error {
			_, err := in.Credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{"Mail.Read"}})
			return err
		}
	})
	b := s.browser()
	page := b.Send(b.approve(b.start("/guarded"), adele).Request())
	_, link, _ := strings.Cut(page.Text, `<a href="`)
	link, _, _ = strings.Cut(link, `"`)
	if page.StatusCode != http.StatusForbidden || !strings.HasPrefix(link, "/user/login?") {
		t.Fatalf("%d %q", page.StatusCode, link)
	}
	authorizeURL := b.Navigate(html.UnescapeString(link)).Location()
	if back := b.Send(b.approve(authorizeURL, adele).Request()); back.Location() != "/guarded" || b.user() != adele {
		t.Errorf("%d to %q, after %q", back.StatusCode, back.Location(), authorizeURL)
	}
}
