package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

func TestPages_AreTheAppsIfItWants(t *testing.T) {
	t.Parallel()
	drawn := map[string]fibermsal.Page{}
	s := newInteractiveSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Pages = func(c *fiber.Ctx, p fibermsal.Page) error {
			drawn[p.Code] = p
			return c.Type("html").SendString("<p>ours: " + p.Code)
		}
	})
	b := s.browser()
	for code, row := range map[string]struct {
		request *http.Request
		status  int
	}{
		"confirm_sign_out": {browsertest.CrossSite(navigation(http.MethodGet, "/user/logout")), 200},
		"forbidden":        {navigation(http.MethodGet, "/own"), 403},
		"login_required":   {navigation(http.MethodPost, "/signed-in"), 401},
		"sign_in_rejected": {navigation(http.MethodGet, "/user/authorized"), 405},
	} {
		a := b.Send(row.request)
		if a.StatusCode != row.status || a.Text != "<p>ours: "+code || a.Header.Get("X-Frame-Options") != "DENY" || a.Header.Get("Content-Security-Policy") != "" {
			t.Errorf("%s: %d %s %v", code, a.StatusCode, a.Text, a.Header)
		}
		p := drawn[code]
		if question := code == "confirm_sign_out"; question != (p.SignOutURL == "/user/logout") || question != (p.SignOutOrigin == "https://login.entra.test") ||
			question != (p.CorrelationID == "") || question != (p.SignInURL == "") || p.Message == "" || p.HomeURL != "/" || p.HomeText == "" || question != (p.SignOutText == "Sign out") || (p.CorrelationID == "") != (p.CorrelationText == "") || p.Status != row.status {
			t.Errorf("%s: %+v", code, p)
		}
	}
}

func TestC10_PagesCannotBeFramed(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	for name, a := range map[string]*answer{"problem": b.Send(callback("code=x")), "confirmation": b.Get("/user/logout")} {
		policy := a.Header.Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action "} {
			if !strings.Contains(policy, directive) {
				t.Errorf("%s: %s is not in %q", name, directive, policy)
			}
		}
		if a.Header.Get("X-Frame-Options") != "DENY" || a.Header.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(a.Text, "<script") {
			t.Errorf("%s: %v", name, a.Header)
		}
	}
	if n := b.idp.Count(entratest.Discovery); n > 1 {
		t.Errorf("%d discovery calls for two pages", n)
	}
}

func TestC10_ProblemPagesAskNobody(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.Send(callback("code=x"))
	if n := len(b.idp.Requests()); n != 0 {
		t.Errorf("a stranger's junk made %d calls to Entra", n)
	}
}
