package e2e

import (
	"encoding/base64"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// A page that needs an additional scope gets it by consent, and the browser returns to it. A script
// that requests the same gets the login URL, and is never redirected to Entra.
func TestInteraction_NewScopeAsksForConsent(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		const path = "/org?levels=1&note=a%20b%2Fc"
		p := st.signIn(st.chromium, adele)
		for _, row := range []struct {
			path, options, code string
			status              int
		}{
			{path, "", "consent_required", http.StatusForbidden},
			{"/confirmed", "", "claims_challenge", http.StatusUnauthorized},
			{"/api/me", `credentials: "omit"`, "login_required", http.StatusUnauthorized},
			{path, `method: "GET", credentials: "omit", headers: {Accept: "application/json"}`, "login_required", http.StatusUnauthorized},
		} {
			got := st.fetch(st.chromium, row.path, row.options)
			if got.Status != row.status || got.Type != "application/problem+json" || got.Problem.Code != row.code ||
				!strings.HasPrefix(got.Problem.LoginURL, "/user/login") || got.Problem.CorrelationID == "" ||
				got.Redirected || got.URL != st.site.url+row.path {
				st.t.Errorf("fetch of %s {%s}: %+v", row.path, row.options, got)
			}
		}
		st.checkVisits("scripts", 0, 0)

		p.goTo(path)
		p.await(consentPage)
		p.await(`document.body.innerText.includes("Read all users")`)
		p.click(acceptButton)
		p.awaitAt(st.site, path)
		p.awaitText(st.site.url, "Adele Vance", "Miriam Graham")
		st.checkVisits("consent", 1, 1)
		p.inBothColours("org")
		p.reload()
		p.awaitText(st.site.url, "Miriam Graham")
		st.checkVisits("consent is kept", 1, 1)
		p.checkCookies(st.site)
	})
}

// Users who lack a permission, or who decline consent, get a page that explains this and does not
// redirect. They can try again (threat B15).
func TestInteraction_RefusalsArePages(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		p := st.signIn(st.chromium, adele)
		p.expect(`network: .* status of 4\d\d .*/(admin|user/authorized)`)
		p.goTo("/admin")
		p.awaitText(st.site.url, "Your account may not do this.", "Reference")
		p.inBothColours("forbidden")
		st.checkVisits("forbidden", 0, 0)

		p.goTo("/org?levels=1")
		p.await(consentPage)
		p.click(`//button[@value="decline"]`)
		p.awaitText(st.site.url, "You are still signed in", "Try again")
		p.await(`location.pathname === "/user/authorized"`)
		p.inBothColours("declined")
		p.checkSignedIn(st.site, adele.login) // with what was granted before
		st.checkVisits("declined", 1, 1)

		p.click(`//a[contains(., "Try again")]`)
		p.await(consentPage)
		p.click(acceptButton)
		p.awaitAt(st.site, "/org?levels=1")
		p.awaitText(st.site.url, "Miriam Graham")
	})
}

// An administrator ends all sessions of a user. Graph refuses the token, and one sign-in resolves this
// (threat B14).
func TestInteraction_RevocationIsOneSignIn(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		p := st.signIn(st.chromium, alex)
		p.open(st.site.url + "/profile?from=work")
		p.awaitProfile(st.site, alex)
		st.idp.ResetRequests()
		st.idp.Revoke(alex.login)
		p.goTo("/profile?from=work")
		p.await(accountsPage)
		p.click(accountButton(alex))
		p.awaitProfile(st.site, alex)
		p.awaitAt(st.site, "/profile?from=work")
		st.checkVisits("after the revocation", 1, 1)
		for _, path := range []string{"/profile", "/graph"} {
			p.open(st.site.url + path)
			p.awaitText(st.site.url, alex.name)
		}
		st.checkVisits("and later", 1, 1)
		p.checkCookies(st.site)
	})
}

// insufficientClaims makes Graph refuse every token, even after a new sign-in.
func insufficientClaims() entratest.Fault {
	claims := base64.StdEncoding.EncodeToString([]byte(`{"access_token":{"nbf":{"essential":true,"value":"1"}}}`))
	return entratest.Fault{
		Status: http.StatusUnauthorized,
		Body:   `{"error":{"code":"InvalidAuthenticationToken","message":"never"}}`,
		Header: http.Header{"Www-Authenticate": {`Bearer realm="", error="insufficient_claims", claims="` + claims + `"`}},
	}
}

// If no sign-in satisfies a page, the user gets a page that explains this, and no loop (threat B14).
// When the fault has been fixed, the original page is shown.
func TestInteraction_LoopEndsWithAPageThatExplains(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		p := st.signIn(st.chromium, diego)
		st.idp.Fault(entratest.GraphMe, insufficientClaims())
		p.expect(`network: .* status of 403 .*/profile`)
		p.goTo("/profile?from=work")
		p.awaitText(st.site.url, "did not help", "Reference")
		p.awaitAt(st.site, "/profile?from=work")
		st.checkVisits("the loop", 3, 0)
		p.inBothColours("loop")
		var reference string
		p.eval(`document.querySelector("code").innerText`, &reference)
		if log := st.app.stderr.String(); !strings.Contains(log, "sign_in_loop") || !strings.Contains(log, reference) {
			st.t.Errorf("the log does not have the reference %s:\n%s", reference, log)
		}
		p.reload()
		p.awaitText(st.site.url, "did not help")
		st.checkVisits("the loop, reloaded", 3, 0)
		p.checkSignedIn(st.site, diego.login)

		st.idp.ClearFaults()
		p.reload()
		p.awaitProfile(st.site, diego)
		st.checkVisits("after the fault", 3, 0)
	})
}

// A session whose tokens have been lost gets new ones without asking the user if the browser has a
// session at Entra. Otherwise the user has to sign in.
func TestInteraction_LostTokensComeBackSilently(t *testing.T) {
	t.Parallel()
	chromiumPath(t)
	redis := redistest.Start(t)
	onStages(t, func(st *stage) {
		const path = "/profile?note=a%20b%2Fc"
		p := st.signIn(st.chromium, alex)
		p.open(st.site.url + path)
		p.awaitProfile(st.site, alex)
		before := p.cookies(st.site.url)[st.site.cookieName()].Value
		st.loseTokens(redis, before)
		p.goTo(path)
		p.awaitProfile(st.site, alex)
		p.awaitAt(st.site, path)
		st.checkVisits("silently", 1, 0)
		for _, r := range st.idp.Requests(entratest.Authorize) {
			if r.Form.Get("prompt") != "none" || r.Form.Get("login_hint") == "" || r.User != alex.login {
				st.t.Errorf("authorize by %v, about %q", r.Form, r.User)
			}
		}
		p.checkCookies(st.site)
		after := p.cookies(st.site.url)[st.site.cookieName()].Value
		if after == before {
			st.t.Error("the session has not been renewed")
		}

		st.loseTokens(redis, after)
		p.forgetEntra(st)
		p.goTo(path)
		p.await(accountsPage)
		p.click(accountButton(alex))
		p.awaitProfile(st.site, alex)
		p.awaitAt(st.site, path)
		st.checkVisits("with help", 2, 1)
		p.checkCookies(st.site)
	}, "FIBERMSAL_REDIS_URL="+redis.URL+patientRedis, "FIBERMSAL_KEYS="+newSealingKey().base64())
}

// loseTokens removes the record of a session's tokens. The app's cache is lost with its process.
func (st *stage) loseTokens(redis *redistest.Server, session string) {
	st.t.Helper()
	st.app.signal(syscall.SIGTERM)
	st.app.wait()
	name, _ := record.SessionID(session)
	ctx := st.t.Context()
	keys, err := redis.Client().Keys(ctx, "*{"+name+"}:"+string(record.Tokens)).Result()
	if err != nil || len(keys) != 1 {
		st.t.Fatalf("the tokens of %s: %v %v", name, keys, err)
	}
	if err := redis.Client().Del(ctx, keys...).Err(); err != nil {
		st.t.Fatal(err)
	}
	st.app.start(st.t)
	st.idp.ResetRequests()
}

// Pages that require more than a session get it at Entra, and are then shown.
func TestInteraction_StepUpAndFreshProof(t *testing.T) {
	t.Parallel()
	onStages(t, func(st *stage) {
		st.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["auth_time"] = time.Now().Add(-time.Hour).Unix() })
		p := st.signIn(st.chromium, diego)

		p.goTo("/confirmed?payment=1%2F2")
		p.await(`document.title === "Verify your identity"`)
		p.click(`//button[@value="approve"]`)
		p.awaitAt(st.site, "/confirmed?payment=1%2F2")
		p.awaitText(st.site.url, "Stepped up", "c1")
		st.checkVisits("step-up", 1, 1)
		p.inBothColours("confirmed")

		p.open(st.site.url + "/org") // a sign-in that does not prove anything anew
		p.click(acceptButton)
		p.awaitText(st.site.url, "Above you")
		st.idp.TamperIDToken(nil)
		st.idp.ResetRequests()

		p.goTo("/recent?iban=1")
		p.await(accountsPage)
		p.click(accountButton(diego))
		p.awaitAt(st.site, "/recent?iban=1")
		p.awaitText(st.site.url, "It is really you", "Asked again after")
		st.checkVisits("fresh proof", 1, 1)
		authorize := st.idp.Requests(entratest.Authorize)[0].Form
		if authorize.Get("prompt") != "login" || authorize.Has("max_age") || authorize.Get("login_hint") == "" {
			st.t.Errorf("authorize by %v", authorize)
		}
		p.reload()
		p.awaitText(st.site.url, "It is really you")
		p.inBothColours("recent")
		p.open(st.site.url + "/confirmed") // what was proven before the last sign-in stays
		p.awaitText(st.site.url, "Stepped up")
		st.checkVisits("remembered", 1, 1)
		p.checkCookies(st.site)
	})
}
