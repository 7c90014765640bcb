package fibermsal_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestReview_MembershipsDoNotAliasTheRequest(t *testing.T) {
	const mine = "11111111-aaaa-0000-0000-000000000001"
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Groups = func(context.Context, azcore.TokenCredential, []string) ([]string, error) { return []string{mine}, nil }
	})
	s.idp.TamperIDToken(func(token *entratest.IDToken) { delete(token.Claims, "groups") })
	s.app.Get("/team/:id", func(c *fiber.Ctx) error {
		return fibermsal.Require(fibermsal.InGroup(c.Params("id")))(c)
	}, func(c *fiber.Ctx) error { return c.SendString("shown") })
	for range 100 { // a map compares 7 bits of a hash first: one question in 128 is answered wrongly
		b := s.browser()
		b.signIn(adele)
		b.get("/team/" + mine)
		for i := range 8 {
			if a := b.get(fmt.Sprintf("/team/22222222-bbbb-0000-0000-%012d", i)); a.StatusCode != http.StatusForbidden {
				t.Fatalf("let into a team of strangers: %d %s", a.StatusCode, a.body)
			}
		}
	}
}

func TestReview_TombstonesDoNotAliasTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l))
		ended, other := s.browser(), s.browser()
		ended.signIn(adele)
		other.signIn(alex)
		ids := map[string]string{}
		for _, info := range collect(t, s.auth, fibermsal.SessionFilter{}) {
			ids[info.User.Username] = info.ID
		}
		s.app.Get("/end/:id", func(c *fiber.Ctx) error {
			_, err := s.auth.EndSessions(context.Background(), fibermsal.SessionFilter{ID: c.Params("id")})
			return err
		})
		s.app.Get("/see/:id", func(c *fiber.Ctx) error { return c.SendString(c.Params("id")) })
		l.failDeletes(true) // as while Redis fails over to a replica
		s.send(request(http.MethodGet, "/end/"+ids[adele], ""))
		s.send(request(http.MethodGet, "/see/"+ids[alex], ""))
		if u := ended.user(); u != "" {
			t.Errorf("the ended session is alive: %q", u)
		}
		s.send(request(http.MethodGet, "/see/"+ids[alex], ""))
		l.failDeletes(false)
		time.Sleep(3 * time.Second)
		if ended.user() != "" || other.user() != alex {
			t.Errorf("afterwards %q and %q are signed in", ended.user(), other.user())
		}
	})
}

func TestReview_OfflineUserDoesNotAliasTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		older, newer := s.browser(), s.browser()
		older.signIn(adele)
		time.Sleep(time.Hour)
		newer.signIn(adele)
		tenant, id := userOf(t, newer)
		var u *fibermsal.OfflineUser
		s.app.Get("/job/:tid/:oid", func(c *fiber.Ctx) (err error) {
			u, err = s.auth.UserByID(context.Background(), c.Params("tid"), c.Params("oid"))
			return err
		})
		newer.get("/job/" + tenant + "/" + id)
		newer.do(request(http.MethodPost, "/user/logout", ""))
		older.get("/xxx/" + strings.Repeat("x", len(tenant)) + "/" + strings.Repeat("y", len(id)))
		if owner, err := ownerOf(t, s.idp, u.TokenCredential()); err != nil || owner != adele {
			t.Errorf("%q, %v: the older session would serve", owner, err)
		}
	})
}

func TestReview_MailOfTwoPeopleGivesNobodysToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ann, bob := person(1, "team@contoso.com"), person(2, "team@contoso.com")
		s := newSite(t, newIDP(t, withMail(), entratest.WithUsers(ann, bob)))
		a, b := s.browser(), s.browser()
		a.signIn(ann.UPN)
		time.Sleep(time.Second)
		b.signIn(bob.UPN)
		u, err := s.auth.UserByMail(t.Context(), "team@contoso.com")
		if errors.Is(err, fibermsal.ErrNoSession) {
			return // right: nobody can tell which of them is meant
		}
		t.Errorf("one of two was chosen: %s", u.Username)
		b.do(request(http.MethodPost, "/user/logout", ""))
		if owner, _ := ownerOf(t, s.idp, u.TokenCredential()); owner != "" && owner != u.Username {
			t.Errorf("%s's credential gives a token of %s", u.Username, owner)
		}
	})
}

func TestReview_SilentSignInIsTheSameUsers(t *testing.T) {
	for name, row := range map[string]func(q url.Values){
		"hint unknown to Entra": func(q url.Values) { q.Set("login_hint", "renamed@contoso.com") },
		"hint lost":             func(q url.Values) { q.Del("login_hint") },
	} {
		s := newSite(t, newIDP(t))
		s.app.Get("/broken", func(c *fiber.Ctx) error { fibermsal.FromContext(c); return fibermsal.ErrLoginRequired })
		b, sso := s.browser(), s.idp.NewBrowser()
		if _, err := sso.SignIn(s.browser().start(""), alex); err != nil { // Entra's session is Alex's
			t.Fatal(err)
		}
		b.signIn(adele)
		u, err := url.Parse(b.navigate(b.navigate("/broken").location()).location())
		if err != nil || u.Query().Get("prompt") != "none" {
			t.Fatal(u)
		}
		q := u.Query()
		row(q)
		u.RawQuery = q.Encode()
		response, err := sso.SignIn(u.String(), alex)
		if err != nil {
			t.Fatal(err)
		}
		if b.do(response.Request()); b.user() == alex {
			t.Errorf("%s: without a word Adele's browser is Alex's", name)
		}
	}
}

func TestReview_HintThatDoesNotFitIsNoSilentSignIn(t *testing.T) {
	s := newSite(t, newIDP(t))
	s.app.Get("/broken", func(c *fiber.Ctx) error { fibermsal.FromContext(c); return fibermsal.ErrLoginRequired })
	s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["login_hint"] = strings.Repeat("h", 700) })
	b := s.browser()
	b.signIn(adele)
	u, err := url.Parse(b.navigate(b.navigate("/broken").location()).location())
	if err != nil || (u.Query().Get("prompt") == "none" && u.Query().Get("login_hint") == "") {
		t.Errorf("whoever Entra knows in this browser will do: %v", u)
	}
}

func TestReview_SignOutWinsOverASilentSignIn(t *testing.T) {
	s := newSite(t, newIDP(t))
	s.app.Get("/broken", func(c *fiber.Ctx) error { fibermsal.FromContext(c); return fibermsal.ErrLoginRequired })
	b, sso := s.browser(), s.idp.NewBrowser()
	b.signIn(adele)
	if _, err := sso.SignIn(b.start(""), adele); err != nil {
		t.Fatal(err)
	}
	response, err := sso.SignIn(b.navigate(b.navigate("/broken").location()).location(), adele)
	if err != nil {
		t.Fatal(err)
	}
	b.do(request(http.MethodPost, "/user/logout", ""))
	if b.do(response.Request()); b.user() != "" {
		t.Errorf("signed out, and in again without a word")
	}
}

func TestReview_OutageIsNoSignIn(t *testing.T) {
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	for path, err := range map[string]error{"/mine": fibermsal.ErrLoginRequired, "/admin": fibermsal.ErrForbidden} {
		s.app.Get(path, func(c *fiber.Ctx) error {
			if _, ok := fibermsal.FromContext(c); !ok {
				return err
			}
			return c.SendString("mine")
		})
	}
	b := s.browser()
	b.signIn(adele)
	l.fail(true, true)
	for _, path := range []string{"/mine", "/admin"} {
		for way, ask := range ways {
			if way == "POST of a form" {
				continue
			}
			if a := b.do(ask(path)); a.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%s by %s: %d %s", path, way, a.StatusCode, a.location())
			}
		}
	}
}

type replacing interface {
	Replace(ctx context.Context, options policy.TokenRequestOptions, refused string) (azcore.AccessToken, error)
}

func TestReview_ConcurrentCallsShareTheReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		b := s.browser()
		b.signIn(adele)
		tenant, id := userOf(t, b)
		u, err := s.auth.UserByID(t.Context(), tenant, id)
		if err != nil {
			t.Fatal(err)
		}
		k := u.TokenCredential()
		token, err := k.GetToken(t.Context(), tokenRequest())
		if err != nil {
			t.Fatal(err)
		}
		s.idp.ResetRequests()
		s.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: time.Second})
		var wait sync.WaitGroup
		for range 5 {
			wait.Go(func() {
				got, err := k.(replacing).Replace(t.Context(), tokenRequest(), token.Token)
				if err != nil || got.Token == token.Token {
					t.Errorf("%v", err)
				}
			})
		}
		wait.Wait()
		if n := s.idp.Count(entratest.Token); n != 1 {
			t.Errorf("%d token calls", n)
		}
	})
}

type panicsOnce struct {
	next http.RoundTripper
	now  bool
}

func (p *panicsOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.now && r.Method == http.MethodPost {
		p.now = false
		panic("the app's own transport")
	}
	return p.next.RoundTrip(r)
}

func TestReview_GateOutlivesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := newIDP(t)
		transport := &panicsOnce{next: idp.HTTPClient.Transport}
		s := newSite(t, idp, func(cfg *fibermsal.Config) { cfg.HTTPClient = &http.Client{Transport: transport} })
		var all []*browser
		for range 12 {
			b := s.browser()
			b.signIn(adele)
			all = append(all, b)
		}
		time.Sleep(2 * time.Hour)
		idp.Fault(entratest.Token, entratest.Fault{Times: 10, Status: 503, Body: "down"})
		for _, b := range all[:10] {
			b.get("/token")
		}
		time.Sleep(6 * time.Second)
		transport.now = true
		all[10].get("/token") // the one that finds out panics
		time.Sleep(time.Hour)
		if a := all[11].get("/token"); a.body != adele {
			t.Errorf("an hour later: %d %s", a.StatusCode, a.body)
		}
	})
}

func TestReview_ThrottlingOfOneUserStopsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		var theirs []*browser
		for range 10 {
			b := s.browser()
			b.signIn(adele)
			theirs = append(theirs, b)
		}
		good := s.browser()
		good.signIn(alex)
		time.Sleep(2 * time.Hour)
		s.idp.Fault(entratest.Token, entratest.Fault{Times: 10, Status: 429, Header: http.Header{"Retry-After": {"60"}}, Body: `{"error":"temporarily_unavailable","error_codes":[50196]}`})
		for _, b := range theirs {
			b.get("/token")
		}
		if a := good.get("/token"); a.body != alex {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	})
}

func TestReview_DemandsOfOnePageAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		s.app.Get("/both", fibermsal.Require(fibermsal.AuthContext("c1"), fibermsal.AuthContext("c2")), func(c *fiber.Ctx) error { return c.SendString("shown") })
		b, sso := s.browser(), s.idp.NewBrowser()
		b.signIn(adele)
		for signIns := 0; ; signIns++ {
			a := b.navigate("/both")
			if a.StatusCode != http.StatusSeeOther {
				if a.body != "shown" || signIns > 2 {
					t.Errorf("after %d sign-ins: %d", signIns, a.StatusCode)
				}
				return
			}
			response, err := sso.SignIn(b.navigate(a.location()).location(), adele)
			if err != nil {
				t.Fatal(err)
			}
			b.do(response.Request())
		}
	})
}

func TestReview_ManyLoopingTabsEnd(t *testing.T) {
	b := newInteractiveSite(t, newIDP(t)).browser()
	b.signIn(adele)
	for range 8 {
		ended := false
		for tab := range 5 {
			a := b.navigate(fmt.Sprintf("/challenge?tab=%d", tab))
			if a.StatusCode != http.StatusSeeOther {
				ended = true
				continue
			}
			b.do(b.approve(b.navigate(a.location()).location(), adele).Request())
		}
		if ended {
			return
		}
	}
	t.Error("five tabs went round eight times each")
}

func TestReview_UpperCaseGUIDsAreTheSameUser(t *testing.T) {
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	tenant, id := userOf(t, b)
	ended, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{TenantID: strings.ToUpper(tenant), UserID: strings.ToUpper(id)})
	if b.user() != "" {
		t.Errorf("%d ended, %v, and Adele is signed in", ended, err)
	}
}

func TestReview_AppTokensBackOff(t *testing.T) {
	for name, fault := range map[string]entratest.Fault{
		"throttled": {Status: 429, Header: http.Header{"Retry-After": {"60"}}, Body: "{}"},
		"refused":   {Status: 401, OAuth: &entratest.OAuthError{Error: "invalid_client", Codes: []int{7000215}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			idp := newIDP(t, entratest.WithAppPermissions("User.Read.All"))
			s := newSite(t, idp)
			idp.Fault(entratest.Token, fault)
			for range 50 {
				_, _ = s.auth.AppCredential().GetToken(context.Background(), policy.TokenRequestOptions{})
			}
			if n := idp.Count(entratest.Token); n > 1 {
				t.Errorf("%s: %d token calls", name, n)
			}
		})
	}
}

func TestReview_AppCredentialPanics(t *testing.T) {
	if os.Getenv("REVIEW_PANIC") != "" {
		s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
			cfg.ClientSecret = ""
			cfg.Credential = func(context.Context) (confidential.Credential, error) { panic("the app's own") }
		})
		_, err := s.auth.AppCredential().GetToken(context.Background(), policy.TokenRequestOptions{})
		if !errors.Is(err, fibermsal.ErrMisconfigured) {
			t.Error(err)
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestReview_AppCredentialPanics$")
	cmd.Env = append(os.Environ(), "REVIEW_PANIC=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the process ended: %v\n%.200s", err, out)
	}
}

func TestReview_FrontChannelEndsAllItCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l))
		sso, sid := s.idp.NewBrowser(), ""
		var all []*browser
		for range 3 {
			b := s.browser()
			response, err := sso.SignIn(b.start(""), adele)
			if err != nil {
				t.Fatal(err)
			}
			sid = response.Values.Get("session_state")
			b.do(response.Request())
			all = append(all, b)
		}
		l.failDeletes(true)
		s.send(request(http.MethodGet, "/user/frontchannel-logout?sid="+sid, ""))
		l.failDeletes(false)
		time.Sleep(5 * time.Second)
		for i, b := range all {
			if b.user() != "" {
				t.Errorf("session %d lives on", i)
			}
		}
	})
}

func TestReview_SignOutDuringAnOutageSaysWhatIsTrue(t *testing.T) {
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	b := s.browser()
	b.signIn(adele)
	l.fail(true, true)
	a := b.do(navigation(http.MethodPost, "/user/logout"))
	if b.jar[sessionCookie] == nil && strings.Contains(a.body, "You have not been signed out") {
		t.Errorf("%d: the cookie is gone, and the page says the opposite", a.StatusCode)
	}
}

func TestReview_GraphGetsNoOtherAPIsToken(t *testing.T) {
	s := newSite(t, newIDP(t, entratest.WithScopes(otherAPI)), func(cfg *fibermsal.Config) { cfg.Scopes = []string{otherAPI} })
	b := s.browser()
	b.signIn(adele)
	s.app.Get("/g", func(c *fiber.Ctx) error {
		r := tokenRequest()
		r.Scopes = []string{"https://graph.entra.test/.default"} // what graph.Me asks for
		token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), r)
		if err == nil && strings.HasPrefix(token.Token, "eyJ") {
			t.Error("asked for Graph's, got the other API's")
		}
		return nil
	})
	b.get("/g")
}

func TestReview_BehindASkippedMiddlewareNobodyIsSignedIn(t *testing.T) {
	idp := newIDP(t)
	s := newSite(t, idp)
	cfg := configFor(idp)
	cfg.CookieName, cfg.RoutePrefix, cfg.Next = "other", "/other", func(*fiber.Ctx) bool { return true }
	inner, err := fibermsal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = inner.Close() })
	s.app.Get("/inner", inner.Handler(), func(c *fiber.Ctx) error {
		if u, ok := fibermsal.FromContext(c); ok {
			return c.SendString(u.Username)
		}
		return c.SendString("nobody")
	})
	b := s.browser()
	b.signIn(adele)
	if a := b.get("/inner"); a.body != "nobody" {
		t.Errorf("%s, of the other middleware", a.body)
	}
}

func TestReview_SilentOnceThenWithTheUser(t *testing.T) {
	s := newSite(t, newIDP(t))
	s.app.Get("/broken", func(c *fiber.Ctx) error { fibermsal.FromContext(c); return fibermsal.ErrLoginRequired })
	b, sso := s.browser(), s.idp.NewBrowser()
	b.signIn(adele)
	if _, err := sso.SignIn(b.start(""), adele); err != nil {
		t.Fatal(err)
	}
	var prompts []string
	for range 2 {
		authorizeURL := b.navigate(b.navigate("/broken").location()).location()
		u, err := url.Parse(authorizeURL)
		if err != nil {
			t.Fatal(err)
		}
		prompts = append(prompts, u.Query().Get("prompt"))
		response, err := sso.SignIn(authorizeURL, adele)
		if err != nil {
			t.Fatal(err)
		}
		b.do(response.Request())
	}
	if prompts[0] != "none" || prompts[1] == "none" {
		t.Errorf("prompts %q", prompts)
	}
}
