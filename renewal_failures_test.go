package fibermsal_test

import (
	"io"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
)

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
				a := b.Get("/token")
				if a.StatusCode != row.status || a.JSON(t)["code"] != row.code || a.Header.Get("Retry-After") != row.retryAfter {
					t.Errorf("status %d, Retry-After %q: %s\n%s", a.StatusCode, a.Header.Get("Retry-After"), a.Text, b.log)
				}
				if n := b.idp.Count(entratest.Other); n != 0 {
					t.Errorf("%d calls where a redirect led to", n)
				}
				b.idp.ClearFaults()
				if b.session() != before || b.user() != adele {
					t.Error("the session did not survive")
				}
				time.Sleep(31 * time.Second) // what Entra refused is remembered for a while
				if row.status == http.StatusServiceUnavailable && b.Get("/token").Text != adele {
					t.Errorf("no token after the fault: %s", b.Get("/token").Text)
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

func TestG9_FailedRenewalIsSilentWhileTheTokenIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t, entratest.WithAccessTokenLifetime(time.Hour))).browser()
		b.signIn(adele)
		b.Get("/token")
		b.idp.Fault(entratest.Token, entratest.Fault{Drop: true})
		b.idp.Fault(entratest.Discovery, entratest.Fault{Drop: true})
		time.Sleep(50 * time.Minute)
		for range 8 {
			time.Sleep(time.Minute)
			if a := b.Get("/token"); a.Text != adele {
				t.Fatalf("%d %s", a.StatusCode, a.Text)
			}
		}
		time.Sleep(5 * time.Minute)
		if a := b.Get("/token"); a.StatusCode != http.StatusServiceUnavailable || b.user() != adele {
			t.Errorf("after its end: %d %s", a.StatusCode, a.Text)
		}
		b.idp.ClearFaults()
		time.Sleep(10 * time.Second)
		if a := b.Get("/token"); a.Text != adele {
			t.Errorf("Entra is back: %d %s", a.StatusCode, a.Text)
		}
	})
}

func TestG9_LastSecondsOfATokenCountWhileEntraIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t, entratest.WithAccessTokenLifetime(time.Hour))).browser()
		b.signIn(adele)
		b.Get("/token")
		b.idp.Fault(entratest.Token, entratest.Fault{Drop: true})
		time.Sleep(time.Hour - 20*time.Second)
		if a := b.Get("/token"); a.Text != adele {
			t.Errorf("%d %s", a.StatusCode, a.Text)
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
			if a := b.Get("/token"); a.StatusCode != http.StatusUnauthorized || a.JSON(t)["code"] != "login_required" {
				t.Fatalf("%d %s", a.StatusCode, a.Text)
			}
		}
		n := b.idp.Count(entratest.Token)
		figure.Report(t, figure.Figure{Row: "R9", Name: "token calls of 1,000 requests on a revoked refresh token", Value: strconv.Itoa(n)})
		if n != 1 {
			t.Errorf("%d token calls", n)
		}
		b.signIn(adele) // a new session has another refresh token
		if a := b.Get("/token"); a.Text != adele {
			t.Errorf("after signing in again: %d %s", a.StatusCode, a.Text)
		}
	})
}

func TestG15_RefusalEndsWhenAnotherInstanceHasRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, idp := newLedger(), newIDP(t)
		here, there := newSite(t, idp, onLedger(l)), newSite(t, idp, onLedger(l))
		b := here.browser()
		b.signIn(adele)
		b.Get("/token")
		time.Sleep(2 * time.Hour)
		idp.Fault(entratest.Token, entratest.Fault{Times: 1, OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{700082}}})
		if a := b.Get("/token"); a.StatusCode != http.StatusUnauthorized {
			t.Fatalf("%d %s", a.StatusCode, a.Text)
		}
		for _, s := range []*site{there, here} {
			b.site = s
			if a := b.Get("/token"); a.Text != adele {
				t.Errorf("%d %s", a.StatusCode, a.Text)
			}
		}
	})
}

func TestG16_ThrottledRenewalWaitsAsLongAsEntraSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t)).browser()
		b.signIn(adele)
		time.Sleep(2 * time.Hour)
		b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Status: 429, Header: http.Header{"Retry-After": {"30"}}, Body: "slow down"})
		b.idp.ResetRequests()
		for range 290 { // 29 seconds
			if a := b.Get("/token"); a.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("%d %s", a.StatusCode, a.Text)
			}
			time.Sleep(100 * time.Millisecond)
		}
		n := b.idp.Count(entratest.Token)
		figure.Report(t, figure.Figure{Row: "R9", Name: "token calls of 290 requests during a pause of Entra", Value: strconv.Itoa(n)})
		if n != 1 {
			t.Errorf("%d token calls", n)
		}
		time.Sleep(2 * time.Second)
		if a := b.Get("/token"); a.Text != adele {
			t.Errorf("after the pause: %d %s", a.StatusCode, a.Text)
		}
	})
}
