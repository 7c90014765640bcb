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
	for _, mode := range []fibermsal.ResponseMode{fibermsal.FormPost, fibermsal.Query} {
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
			if a := b.do(response.Request()); a.location() != "/guarded?tab=2" {
				t.Errorf("Location = %q", a.location())
			}
			if a := b.navigate("/guarded?tab=2"); a.body != "hello "+adele {
				t.Errorf("guarded: %d %q", a.StatusCode, a.body)
			}
			if a := b.get("/token"); a.body != adele {
				t.Errorf("token: %d %q\n%s", a.StatusCode, a.body, b.log)
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
	if c := b.jar["fibermsal"]; c == nil || c.Secure || !c.HttpOnly {
		t.Errorf("session cookie: %v", b.jar)
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
	a := b.do(r)
	b.assertRejected(a, http.StatusBadRequest, "access_denied")
	if !strings.Contains(a.body, `href="/user/login?to=%2Fguarded%3Fx%3D1"`) || !strings.Contains(a.body, "cancelled") {
		t.Errorf("page: %s", a.body)
	}
	b.signIn(adele)
}

func TestSignIn_StorageDownIsA503WithoutACookie(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	response := b.approve(b.start(""), adele)
	l.fail(false, true)
	a := b.do(response.Request())
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.cookie(sessionCookie) != nil {
		t.Errorf("status %d, Retry-After %q, cookies %v", a.StatusCode, a.Header.Get("Retry-After"), a.Cookies())
	}
}

func TestA14_SignInLeavesNoTraceInReferrersAndCaches(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	answers := []*answer{b.navigate("/user/login"), b.navigate("/guarded"), b.do(callback("code=x")), b.do(b.approve(b.start(""), adele).Request())}
	for i, a := range answers {
		if a.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
			t.Errorf("answer %d: %v", i, a.Header)
		}
	}
	if strings.Contains(b.log.String(), "code=") || strings.Contains(b.log.String(), "state=") {
		t.Errorf("the log has parameters:\n%s", b.log)
	}
}
