package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func tokenRequest() policy.TokenRequestOptions { return policy.TokenRequestOptions{} }

func TestSignIn_ShowsWhoIsSignedInAndGivesTheirToken(t *testing.T) {
	t.Parallel()
	for _, mode := range []fibermsal.ResponseMode{fibermsal.ResponseModeFormPost, fibermsal.ResponseModeQuery} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = mode }).browser()
			if b.user() != "" {
				t.Fatal("somebody is signed in already")
			}
			response := b.approve(b.start("/guarded?tab=2"), adele)
			if response.Mode != string(mode) {
				t.Errorf("response_mode = %s", response.Mode)
			}
			if a := b.Send(response.Request()); a.Location() != "/guarded?tab=2" {
				t.Errorf("Location = %q", a.Location())
			}
			if a := b.Navigate("/guarded?tab=2"); a.Text != "hello "+adele {
				t.Errorf("guarded: %d %q", a.StatusCode, a.Text)
			}
			if a := b.Get("/token"); a.Text != adele {
				t.Errorf("token: %d %q\n%s", a.StatusCode, a.Text, b.log)
			}
		})
	}
}

func TestSignIn_WorksWithPlainCookiesOnPlainHTTPLocalhost(t *testing.T) {
	t.Parallel()
	idp := entratest.New(entratest.WithRedirectURI("http://localhost:3000/user/authorized"))
	s := newSite(t, idp, func(cfg *fibermsal.Config) { cfg.PublicURL = "http://localhost:3000" })
	b := s.browser()
	b.signIn(adele)
	if c := b.Jar["fibermsal"]; c == nil || c.Secure || !c.HttpOnly {
		t.Errorf("session cookie: %v", b.Jar)
	}
	if b.user() != adele {
		t.Error("not signed in")
	}
}

func TestSignIn_CancelledLeadsToAPageThatStartsAgain(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	response, err := b.idp.Cancel(b.start("/guarded?x=1"))
	if err != nil {
		t.Fatal(err)
	}
	r := response.Request()
	r.Header.Set("Accept", "text/html")
	a := b.Send(r)
	b.assertRejected(a, http.StatusBadRequest, "access_denied")
	if !strings.Contains(a.Text, `href="/user/login?to=%2Fguarded%3Fx%3D1"`) || !strings.Contains(a.Text, "cancelled") {
		t.Errorf("page: %s", a.Text)
	}
	b.signIn(adele)
}

func TestSignIn_StorageDownIsA503WithoutACookie(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	response := b.approve(b.start(""), adele)
	l.fail(false, true)
	a := b.Send(response.Request())
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.Cookie(sessionCookie) != nil {
		t.Errorf("status %d, Retry-After %q, cookies %v", a.StatusCode, a.Header.Get("Retry-After"), a.Cookies())
	}
}

func TestA14_SignInLeavesNoTraceInReferrersAndCaches(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	answers := []*answer{b.Navigate("/user/login"), b.Navigate("/guarded"), b.Send(callback("code=x")), b.Send(b.approve(b.start(""), adele).Request())}
	for i, a := range answers {
		if a.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
			t.Errorf("answer %d: %v", i, a.Header)
		}
	}
	if strings.Contains(b.log.String(), "code=") || strings.Contains(b.log.String(), "state=") {
		t.Errorf("the log has parameters:\n%s", b.log)
	}
}
