package fibermsal_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestToken_IsRenewedAndKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// A refresh token works once here, so each renewal needs the stored one.
		b := newSite(t, newIDP(t, entratest.WithOneTimeRefreshTokens()), func(cfg *fibermsal.Config) {
			cfg.IdleTimeout, cfg.AbsoluteTimeout = 12*time.Hour, 12*time.Hour
		}).browser()
		b.signIn(adele)
		for range 4 {
			b.idp.ResetRequests()
			if a := b.get("/token"); a.body != adele {
				t.Fatalf("token: %d %s\n%s", a.StatusCode, a.body, b.log)
			}
			b.get("/token")
			if n := b.idp.Count(entratest.Token); n > 1 {
				t.Errorf("%d token calls for one expiry", n)
			}
			time.Sleep(2 * time.Hour)
		}
	})
}

func TestG10_ConcurrentRequestsRenewOnce(t *testing.T) {
	for _, n := range []int{50, 1000} {
		t.Run(strconv.Itoa(n), func(t *testing.T) { renewTogether(t, n) })
	}
}

func renewTogether(t *testing.T, n int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t, entratest.WithOneTimeRefreshTokens())).browser()
		b.signIn(adele)
		time.Sleep(2 * time.Hour)
		b.idp.ResetRequests()
		b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: time.Second})
		var wait sync.WaitGroup
		var tokens sync.Map
		b.app.Get("/which", func(c *fiber.Ctx) error {
			token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), tokenRequest())
			tokens.Store(token.Token, nil)
			return err
		})
		for range n {
			r := request(http.MethodGet, "/which", "")
			r.AddCookie(b.jar[sessionCookie])
			wait.Go(func() {
				if a := b.send(r); a.StatusCode != http.StatusOK {
					t.Errorf("%d %s", a.StatusCode, a.body)
				}
			})
		}
		wait.Wait()
		different := 0
		tokens.Range(func(any, any) bool { different++; return true })
		if different != 1 {
			t.Errorf("%d different tokens", different)
		}
		if n := b.idp.Count(entratest.Token); n != 1 {
			t.Errorf("%d token calls", n)
		}
	})
}

func TestToken_IsRenewedAheadWithoutAnybodyWaiting(t *testing.T) {
	for name, row := range map[string]struct {
		option entratest.Option
		after  time.Duration
	}{
		"before its end":   {entratest.WithAccessTokenLifetime(time.Hour), 51 * time.Minute},
		"when Entra says":  {entratest.WithRefreshIn(20 * time.Minute), 21 * time.Minute},
		"half-way, if new": {entratest.WithAccessTokenLifetime(8 * time.Minute), 7 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newSite(t, newIDP(t, row.option)).browser()
				b.signIn(adele)
				b.get("/token")
				time.Sleep(row.after)
				b.idp.ResetRequests()
				b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: 5 * time.Second})
				for range 20 {
					before := time.Now()
					if a := b.get("/token"); a.body != adele || time.Since(before) > time.Second {
						t.Fatalf("%v: %d %s", time.Since(before), a.StatusCode, a.body)
					}
				}
				time.Sleep(10 * time.Second)
				b.get("/token")
				if n := b.idp.Count(entratest.Token); n != 1 {
					t.Errorf("%d token calls", n)
				}
			})
		})
	}
}

func TestG9_FailedRenewalIsSilentWhileTheTokenIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t, entratest.WithAccessTokenLifetime(time.Hour))).browser()
		b.signIn(adele)
		b.get("/token")
		b.idp.Fault(entratest.Token, entratest.Fault{Drop: true})
		b.idp.Fault(entratest.Discovery, entratest.Fault{Drop: true})
		time.Sleep(50 * time.Minute)
		for range 8 {
			time.Sleep(time.Minute)
			if a := b.get("/token"); a.body != adele {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
		}
		time.Sleep(5 * time.Minute)
		if a := b.get("/token"); a.StatusCode != http.StatusServiceUnavailable || b.user() != adele {
			t.Errorf("after its end: %d %s", a.StatusCode, a.body)
		}
		b.idp.ClearFaults()
		time.Sleep(10 * time.Second)
		if a := b.get("/token"); a.body != adele {
			t.Errorf("Entra is back: %d %s", a.StatusCode, a.body)
		}
	})
}

func TestG15_RevokedRefreshTokenIsTriedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t)).browser()
		b.signIn(adele)
		time.Sleep(2 * time.Hour)
		b.idp.Revoke(adele)
		b.idp.ResetRequests()
		for range 1000 {
			if a := b.get("/token"); a.StatusCode != http.StatusUnauthorized || a.json(t)["code"] != "login_required" {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
		}
		if n := b.idp.Count(entratest.Token); n != 1 {
			t.Errorf("%d token calls", n)
		}
		b.signIn(adele) // a new session has another refresh token
		if a := b.get("/token"); a.body != adele {
			t.Errorf("after signing in again: %d %s", a.StatusCode, a.body)
		}
	})
}

func TestG15_RefusalEndsWhenAnotherInstanceHasRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, idp := newLedger(), newIDP(t)
		here, there := newSite(t, idp, onLedger(l)), newSite(t, idp, onLedger(l))
		b := here.browser()
		b.signIn(adele)
		b.get("/token")
		time.Sleep(2 * time.Hour)
		idp.Fault(entratest.Token, entratest.Fault{Times: 1, OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{700082}}})
		if a := b.get("/token"); a.StatusCode != http.StatusUnauthorized {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		for _, s := range []*site{there, here} {
			b.site = s
			if a := b.get("/token"); a.body != adele {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		}
	})
}

func TestToken_StorageFailureIsForgottenAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		b := newSite(t, newIDP(t), onLedger(l)).browser()
		b.signIn(adele)
		b.app.Get("/twice", func(c *fiber.Ctx) error {
			credential := fibermsal.TokenCredential(c) // the session was read
			l.fail(true, true)
			_, err := credential.GetToken(c.UserContext(), tokenRequest())
			l.fail(false, false)
			if !errors.Is(err, fibermsal.ErrUnavailable) {
				t.Errorf("while it fails: %v", err)
			}
			_, err = credential.GetToken(c.UserContext(), tokenRequest())
			return err
		})
		if a := b.get("/twice"); a.StatusCode != http.StatusOK {
			t.Errorf("right after: %d %s", a.StatusCode, a.body)
		}
	})
}

func TestG9_LastSecondsOfATokenCountWhileEntraIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t, entratest.WithAccessTokenLifetime(time.Hour))).browser()
		b.signIn(adele)
		b.get("/token")
		b.idp.Fault(entratest.Token, entratest.Fault{Drop: true})
		time.Sleep(time.Hour - 20*time.Second)
		if a := b.get("/token"); a.body != adele {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	})
}

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
	if a := b.get("/text"); a.StatusCode != http.StatusOK || s.idp.Count(entratest.Token) != 0 {
		t.Errorf("%d %s, %d token calls", a.StatusCode, a.body, s.idp.Count(entratest.Token))
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

func TestG16_ThrottledRenewalWaitsAsLongAsEntraSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t)).browser()
		b.signIn(adele)
		time.Sleep(2 * time.Hour)
		b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Status: 429, Header: http.Header{"Retry-After": {"30"}}, Body: "slow down"})
		b.idp.ResetRequests()
		for range 290 { // 29 seconds
			if a := b.get("/token"); a.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("%d %s", a.StatusCode, a.body)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := b.idp.Count(entratest.Token); n != 1 {
			t.Errorf("%d token calls", n)
		}
		time.Sleep(2 * time.Second)
		if a := b.get("/token"); a.body != adele {
			t.Errorf("after the pause: %d %s", a.StatusCode, a.body)
		}
	})
}

func TestG16_OutageOfEntraIsFoundOutOnceForAllSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		browsers := make([]*browser, 40)
		for i := range browsers {
			browsers[i] = s.browser()
			browsers[i].signIn(adele)
		}
		time.Sleep(2 * time.Hour)
		s.idp.Fault(entratest.Token, entratest.Fault{Status: 503, Body: "down"})
		s.idp.ResetRequests()
		for range 60 { // seconds
			for _, b := range browsers {
				if a := b.get("/token"); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
					t.Fatalf("%d %s", a.StatusCode, a.body)
				}
			}
			time.Sleep(time.Second)
		}
		// Ten failures, then one call in five seconds; without the pause 480.
		if n := s.idp.Count(entratest.Token); n < 15 || n > 25 {
			t.Errorf("%d token calls in a minute", n)
		}
		s.idp.ClearFaults()
		time.Sleep(6 * time.Second)
		for _, b := range browsers {
			if a := b.get("/token"); a.body != adele {
				t.Errorf("after the outage: %d %s", a.StatusCode, a.body)
			}
		}
	})
}

func TestG16_ResponseOutlivesAPauseOfEntra(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		s.idp.Fault(entratest.Token, entratest.Fault{Status: 503, Body: "down"})
		for range 10 {
			b := s.browser()
			b.do(b.approve(b.start(""), adele).Request())
		}
		b := s.browser()
		response := b.approve(b.start(""), adele)
		if a := b.do(response.Request()); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("while Entra is down: %d", a.StatusCode)
		}
		s.idp.ClearFaults()
		time.Sleep(6 * time.Second)
		if a := b.do(response.Request()); a.StatusCode != http.StatusSeeOther || b.user() != adele {
			t.Errorf("the same response when it is back: %d %s", a.StatusCode, a.body)
		}
	})
}

func TestG14_TokenObtainedWhileTheStorageFailsIsUsedAndStoredLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		idp := newIDP(t, entratest.WithOneTimeRefreshTokens())
		b := newSite(t, idp, onLedger(l)).browser()
		b.signIn(adele)
		time.Sleep(2 * time.Hour)
		b.user() // prolongs the session
		l.fail(false, true)
		if a := b.get("/token"); a.body != adele {
			t.Fatalf("%d %s\n%s", a.StatusCode, a.body, b.log)
		}
		time.Sleep(20 * time.Second)
		l.fail(false, false)
		time.Sleep(10 * time.Second)
		// Another instance finds the new refresh token: the old one is spent.
		b.site = newSite(t, idp, onLedger(l))
		time.Sleep(2 * time.Hour)
		if a := b.get("/token"); a.body != adele {
			t.Errorf("the new refresh token was lost: %d %s\n%s", a.StatusCode, a.body, b.log)
		}
	})
}

func TestG22_OneWhoGivesUpDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		s.app.Get("/hasty", func(c *fiber.Ctx) error {
			ctx, cancel := context.WithTimeout(c.UserContext(), 100*time.Millisecond)
			defer cancel()
			_, err := fibermsal.TokenCredential(c).GetToken(ctx, tokenRequest())
			if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, fibermsal.ErrUnavailable) {
				t.Errorf("hasty: %v", err)
			}
			return err
		})
		b := s.browser()
		b.signIn(adele)
		time.Sleep(2 * time.Hour)
		b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: time.Second})
		hasty := request(http.MethodGet, "/hasty", "")
		hasty.AddCookie(b.jar[sessionCookie])
		var wait sync.WaitGroup
		wait.Go(func() { b.send(hasty) })
		synctest.Wait()
		if a := b.get("/token"); a.body != adele {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
		wait.Wait()
	})
}

func TestG8_FailuresOfARenewalAreToldApart(t *testing.T) {
	for name, row := range map[string]struct {
		fault      entratest.Fault
		status     int
		code       string
		retryAfter string
	}{
		"revoked":     {entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{50173}, Suberror: "bad_token"}}, 401, "login_required", ""},
		"MFA":         {entratest.Fault{OAuth: &entratest.OAuthError{Error: "interaction_required", Codes: []int{50076}}}, 401, "login_required", ""},
		"consent":     {entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{65001}, Suberror: "consent_required"}}, 403, "consent_required", ""},
		"bad secret":  {entratest.Fault{Status: 401, OAuth: &entratest.OAuthError{Error: "invalid_client", Codes: []int{7000215}}}, 500, "misconfigured", ""},
		"throttled":   {entratest.Fault{Status: 429, Header: http.Header{"Retry-After": {"30"}}, Body: "slow down"}, 503, "unavailable", "30"},
		"server":      {entratest.Fault{Status: 500, Body: "oops"}, 503, "unavailable", "5"},
		"unreachable": {entratest.Fault{Drop: true}, 503, "unavailable", "5"},
		"too large":   {entratest.Fault{Status: 200, BodyFrom: func() io.Reader { return io.LimitReader(zeros{}, 2<<20) }}, 503, "unavailable", "5"},
		"slow":        {entratest.Fault{Delay: time.Minute}, 503, "unavailable", "5"},
		"redirected":  {entratest.Fault{Status: 307, Header: http.Header{"Location": {"https://login.entra.test/elsewhere"}}}, 503, "unavailable", "5"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newSite(t, newIDP(t)).browser()
				b.signIn(adele)
				before := b.session()
				time.Sleep(2 * time.Hour)
				b.idp.ResetRequests()
				b.idp.Fault(entratest.Token, row.fault)
				a := b.get("/token")
				if a.StatusCode != row.status || a.json(t)["code"] != row.code || a.Header.Get("Retry-After") != row.retryAfter {
					t.Errorf("status %d, Retry-After %q: %s\n%s", a.StatusCode, a.Header.Get("Retry-After"), a.body, b.log)
				}
				if n := b.idp.Count(entratest.Other); n != 0 {
					t.Errorf("%d calls where a redirect led to", n)
				}
				b.idp.ClearFaults()
				if b.session() != before || b.user() != adele {
					t.Error("the session did not survive")
				}
				time.Sleep(31 * time.Second) // what Entra refused is remembered for a while
				if row.status == http.StatusServiceUnavailable && b.get("/token").body != adele {
					t.Errorf("no token after the fault: %s", b.get("/token").body)
				}
			})
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '0'
	}
	return len(p), nil
}

func TestToken_CredentialsFaultIsNotTheUsers(t *testing.T) {
	for name, row := range map[string]struct {
		credential func(context.Context) (confidential.Credential, error)
		status     int
	}{
		"fails":   {func(context.Context) (confidential.Credential, error) { return confidential.Credential{}, errStorage }, 503},
		"panics":  {func(context.Context) (confidential.Credential, error) { panic(errStorage) }, 500},
		"nothing": {func(context.Context) (confidential.Credential, error) { return confidential.Credential{}, nil }, 500},
		"without its assertion": {func(context.Context) (confidential.Credential, error) {
			return confidential.NewCredFromAssertionCallback(func(context.Context, confidential.AssertionRequestOptions) (string, error) {
				return "", errStorage
			}), nil
		}, 503},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, idp := newLedger(), newIDP(t)
				b := newSite(t, idp, onLedger(l)).browser()
				b.signIn(adele)
				time.Sleep(2 * time.Hour)
				b.site = newSite(t, idp, onLedger(l), func(cfg *fibermsal.Config) { cfg.ClientSecret, cfg.Credential = "", row.credential })
				if a := b.navigate("/token"); a.StatusCode != row.status || strings.Contains(b.log.String(), "storage-password") {
					t.Errorf("status %d, Location %q\n%s", a.StatusCode, a.location(), b.log)
				}
				if a := b.navigate("/user/login"); a.StatusCode != http.StatusSeeOther {
					t.Errorf("a visitor's sign-in troubles the credential: status %d", a.StatusCode)
				}
			})
		})
	}
}

func TestToken_ScopesThatWereNotGrantedNeedConsent(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	ask := func(options policy.TokenRequestOptions) fiber.Handler {
		return func(c *fiber.Ctx) error {
			_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), options)
			return err
		}
	}
	s.app.Get("/mail", ask(policy.TokenRequestOptions{Scopes: []string{"Mail.Read"}}))
	s.app.Get("/challenge", ask(policy.TokenRequestOptions{Claims: `{"access_token":{}}`}))
	s.app.Get("/default", ask(policy.TokenRequestOptions{Scopes: []string{"https://graph.entra.test/.default"}}))
	s.app.Get("/long", ask(policy.TokenRequestOptions{Scopes: []string{"https://graph.entra.test/User.Read"}}))
	b := s.browser()
	b.signIn(adele)
	s.idp.ResetRequests()
	for path, status := range map[string]int{"/mail": 403, "/challenge": 401, "/default": 200, "/long": 200} {
		if a := b.get(path); a.StatusCode != status || a.location() != "" {
			t.Errorf("%s: status %d, Location %q", path, a.StatusCode, a.location())
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
					ask := func(scopes ...string) fiber.Handler {
						return func(c *fiber.Ctx) error {
							_, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: scopes})
							return err
						}
					}
					paths := []string{"/token", "/graph"}
					for i, spelling := range spellings {
						paths = append(paths, "/scope/"+strconv.Itoa(i), "/token/"+strconv.Itoa(i))
						s.app.Get("/scope/"+strconv.Itoa(i), fibermsal.Require(fibermsal.HasScope(spelling)))
						s.app.Get("/token/"+strconv.Itoa(i), ask(spelling))
					}
					s.app.Get("/graph", ask("https://graph.entra.test/.default"))
					b := s.browser()
					b.signIn(adele)
					for _, path := range paths {
						if a := b.get(path); a.StatusCode != http.StatusOK && a.StatusCode != http.StatusNotFound { // the guarded path has no page
							t.Errorf("%s: %d %s\n%s", path, a.StatusCode, a.body, s.log)
						}
					}
					if n := s.idp.Count(entratest.Token); n != 1 {
						t.Errorf("%d token calls", n)
					}
					time.Sleep(2 * time.Hour)
					for _, path := range paths {
						b.get(path)
					}
					if n := s.idp.Count(entratest.Token); n != 2 {
						t.Errorf("%d token calls after the token's end", n)
					}
					s.app.Get("/missing", fibermsal.Require(fibermsal.HasScope("https://graph.microsoft.com/Calendars.Read")))
					if a := b.get("/missing"); a.StatusCode != http.StatusForbidden {
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

func TestC8_AuthenticationProviderKnowsGraphAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	var authorized []string
	s.app.Get("/kiota", func(c *fiber.Ctx) error {
		provider := fibermsal.AuthenticationProvider(c)
		for _, address := range []string{"https://graph.entra.test/v1.0/me", "https://evil.example/v1.0/me", "https://graph.entra.test.evil.example/", "https://login.entra.test/"} {
			info := abstractions.NewRequestInformation()
			info.UrlTemplate = address
			if err := provider.AuthenticateRequest(c.UserContext(), info, nil); err != nil {
				return err
			}
			if len(info.Headers.Get("Authorization")) > 0 {
				authorized = append(authorized, address)
			}
		}
		return nil
	})
	b := s.browser()
	if a := b.get("/kiota"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("for nobody: status %d", a.StatusCode)
	}
	b.signIn(adele)
	if a := b.get("/kiota"); a.StatusCode != http.StatusOK {
		t.Fatalf("status %d %s", a.StatusCode, a.body)
	}
	if len(authorized) != 1 || authorized[0] != "https://graph.entra.test/v1.0/me" {
		t.Errorf("tokens for %v", authorized)
	}
}

// byOwnClient gets a token as an app does that makes its own MSAL client.
func byOwnClient(c *fiber.Ctx, idp *entratest.Server, scope string) (confidential.AuthResult, error) {
	accessor, err := fibermsal.NewCacheAccessor(c)
	if err != nil {
		return confidential.AuthResult{}, err
	}
	secret, err := confidential.NewCredFromSecret(idp.ClientSecret)
	if err != nil {
		return confidential.AuthResult{}, err
	}
	client, err := confidential.New(idp.Authority, idp.ClientID, secret, confidential.WithCache(accessor),
		confidential.WithHTTPClient(idp.HTTPClient), confidential.WithInstanceDiscovery(false))
	if err != nil {
		return confidential.AuthResult{}, err
	}
	u, _ := fibermsal.FromContext(c)
	return client.AcquireTokenSilent(c.UserContext(), []string{scope},
		confidential.WithSilentAccount(confidential.Account{HomeAccountID: u.ID + "." + u.TenantID}))
}

func TestCacheAccessor_ServesAnMSALClientOfTheApp(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	s := newSite(t, idp)
	s.app.Get("/msal", func(c *fiber.Ctx) error {
		result, err := byOwnClient(c, idp, "User.Read")
		if err != nil {
			return err
		}
		owner, _ := idp.TokenUser(result.AccessToken)
		return c.SendString(owner)
	})
	b := s.browser()
	if a := b.get("/msal"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("for nobody: status %d", a.StatusCode)
	}
	b.signIn(adele)
	if a := b.get("/msal"); a.body != adele {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	var none fibermsal.CacheAccessor
	if none.Export(t.Context(), nil, cacheHints()) == nil {
		t.Error("an accessor of nobody works")
	}
}

func TestAuth_CloseEndsTokenCallsOrderly(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	auth, err := fibermsal.Open(configFor(idp))
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New()
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)
	var wait sync.WaitGroup
	var refused atomic.Int32
	app.Get("/", func(c *fiber.Ctx) error {
		credential := fibermsal.TokenCredential(c)
		for range 8 {
			wait.Go(func() {
				for i := range 1000 { // scopes that are not remembered need a call each
					options := policy.TokenRequestOptions{Scopes: []string{"Unknown.Scope" + strconv.Itoa(i)}}
					if _, err := credential.GetToken(context.Background(), options); errors.Is(err, fibermsal.ErrUnavailable) {
						refused.Add(1)
						return
					}
				}
			})
		}
		return nil
	})
	b := (&site{t: t, app: app, idp: idp, log: &logbook{}}).browser()
	b.signIn(adele)
	b.get("/")
	time.Sleep(20 * time.Millisecond)
	if err := auth.Close(); err != nil {
		t.Error(err)
	}
	wait.Wait()
	if refused.Load() != 8 {
		t.Errorf("%d of 8 were refused after Close", refused.Load())
	}
}
