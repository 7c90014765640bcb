package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// mustAsk opens a page that requires more than a session, completes the sign-in, and gets the page.
func (b *browser) mustAsk(path, login string, shown ...string) {
	b.t.Helper()
	if a := b.Navigate(path); a.StatusCode != http.StatusSeeOther || !strings.Contains(a.Location(), "ask=") {
		b.t.Errorf("%s: %d to %q", path, a.StatusCode, a.Location())
	}
	if back := b.signIn(path, login); back.Location() != path {
		b.t.Fatalf("%s: the sign-in led to %d %q", path, back.StatusCode, back.Location())
	}
	mustContain(b.t, b.Navigate(path), shown...)
}

func TestOrg_AsksForItsPermission(t *testing.T) {
	t.Parallel()
	b := newSite(t, nil).browser()
	b.signIn("/session", "AdeleV@contoso.com")
	problem := b.Fetch("/org")
	if problem.StatusCode != http.StatusForbidden || !strings.Contains(problem.Text, `"code":"consent_required"`) {
		t.Errorf("for programs: %d %s", problem.StatusCode, problem.Text)
	}
	b.mustAsk("/org?levels=1", "AdeleV@contoso.com", "Adele Vance", "Miriam Graham", `<span class="string">&#34;User.Read.All&#34;</span>`)
	if page := b.Navigate("/org?levels=1"); strings.Contains(page.Text, "Patti Fernandez") {
		t.Errorf("more than one level: %s", page.Text)
	}
	for _, query := range []string{"", "?levels=2", "?levels=1000000000", "?levels=x"} {
		mustContain(t, b.Navigate("/org"+query), "Miriam Graham", "Patti Fernandez")
	}
	b.mustLackSecrets()
}

// A directory may be wrong, for example with two users who are each other's manager.
func TestOrg_EndsWhereManagersFormACircle(t *testing.T) {
	t.Parallel()
	people := entratest.Users()[:2]
	people[0].ManagerID, people[1].ManagerID = people[1].ID, people[0].ID
	b := newSite(t, nil, entratest.WithUsers(people...)).browser()
	b.signIn("/session", people[0].UPN)
	b.signIn("/org?levels=1000000000", people[0].UPN)
	page := b.Navigate("/org?levels=1000000000")
	if n := strings.Count(page.Text, people[1].DisplayName); page.StatusCode != http.StatusOK || n == 0 || n > maxLevels {
		t.Errorf("%d, %d times", page.StatusCode, n)
	}
}

func TestRecent_WantsProofOfToday(t *testing.T) {
	t.Parallel()
	b := newSite(t, nil).browser()
	b.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["auth_time"] = time.Now().Add(-time.Hour).Unix() })
	b.signIn("/session", "AdeleV@contoso.com")
	b.idp.TamperIDToken(nil)
	b.mustAsk("/recent", "AdeleV@contoso.com", "It is really you", "Asked again after", `app.Get(<span class="string">&#34;/recent&#34;</span>`)
}

func TestConfirmed_WantsItsAuthContext(t *testing.T) {
	t.Parallel()
	b := newSite(t, nil).browser()
	b.signIn("/session", "AdeleV@contoso.com")
	b.mustAsk("/confirmed", "AdeleV@contoso.com", "Stepped up", "<dd>c1</dd>", "AuthContext")
}

func TestAdmin_IsForAdministrators(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	adele, patti := s.browser(), s.browser()
	adele.signIn("/session", "AdeleV@contoso.com")
	patti.signIn("/session", "PattiF@contoso.com")
	if a := adele.Navigate("/admin"); a.StatusCode != http.StatusForbidden || strings.Contains(a.Text, "Patti") {
		t.Errorf("Adele: %d %s", a.StatusCode, a.Text)
	}
	page := patti.Navigate("/admin")
	mustContain(t, page, "Adele Vance", "Patti Fernandez", "HasRole")
	if strings.Count(page.Text, "this browser") != 1 {
		t.Errorf("whose browser? %s", page.Text)
	}
}

func TestEndSessions_InEveryBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	office, phone, other := s.browser(), s.browser(), s.browser()
	office.signIn("/session", "AdeleV@contoso.com")
	phone.signIn("/session", "AdeleV@contoso.com")
	other.signIn("/session", "AlexW@contoso.com")
	if page := office.Navigate("/session"); strings.Count(page.Text, "Adele Vance</th>")+strings.Count(page.Text, "this browser") != 2 {
		t.Errorf("the sessions of Adele: %s", page.Text)
	}
	end := func(b *browser, headers map[string]string) *browsertest.Answer {
		r := httptest.NewRequest(http.MethodPost, "/session/end", nil)
		for name, value := range headers {
			r.Header.Set(name, value)
		}
		return b.Send(r)
	}
	office.IgnoresSameSite = true // which alone would stop most of them
	for name, headers := range map[string]map[string]string{
		"another site":         {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
		"a neighbour":          {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.app.example"},
		"typed":                {"Sec-Fetch-Site": "none"},
		"an old browser":       {"Origin": "https://evil.example"},
		"an old sandbox":       {"Origin": "null"},
		"nothing said":         {},
		"a forged own Origin":  {"Sec-Fetch-Site": "cross-site", "Origin": publicURL},
		"our host, plain http": {"Origin": "http://app.example"},
	} {
		if a := end(office, headers); a.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, a.StatusCode)
		}
	}
	office.IgnoresSameSite = false
	mustContain(t, phone.Navigate("/session"), "Adele Vance")

	if a := end(s.browser(), map[string]string{"Sec-Fetch-Site": "same-origin"}); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("a stranger: %d", a.StatusCode)
	}
	if a := end(office, map[string]string{"Origin": publicURL}); a.StatusCode != http.StatusSeeOther || a.Location() != "/?ended=all" {
		t.Errorf("the button: %d %q", a.StatusCode, a.Location())
	}
	mustContain(t, office.Navigate("/?ended=all"), "Signed out everywhere", "Sign in with Microsoft")
	for _, b := range []*browser{office, phone} {
		if a := b.Navigate("/session"); a.StatusCode != http.StatusSeeOther {
			t.Errorf("still signed in: %d", a.StatusCode)
		}
	}
	mustContain(t, other.Navigate("/session"), "Alex Wilber")
	mustContain(t, other.Navigate("/?ended=all"), "Signed in")
}

func TestAccount_IsSwitchedAndLeft(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.browser()
	b.entra = s.idp.NewBrowser()
	b.signIn("/profile", "AdeleV@contoso.com")
	press := func(path string) *browsertest.Answer {
		r := httptest.NewRequest(http.MethodPost, path, nil)
		r.Header.Set("Origin", publicURL)
		r.Header.Set("Accept", "text/html")
		return b.Send(r)
	}
	at := b.Navigate(press("/account/switch").Location())
	response, err := b.entra.SignIn(at.Location(), "AlexW@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, b.Navigate(b.Send(response.Request()).Location()), "Alex Wilber", "Switch account")
	if a := press("/account/leave"); a.Location() != "/?ended=here" {
		t.Errorf("left: %d to %q", a.StatusCode, a.Location())
	}
	mustContain(t, b.Navigate("/?ended=here"), "Signed out of this app", "Sign in with Microsoft")
}

// Without configuration the emulator has the registration that the pages need.
func TestEmulator_IsSetUpForAllPages(t *testing.T) {
	t.Parallel()
	settings := &settings{emulated: true, auth: forThisApp(fibermsal.Config{PublicURL: "http://localhost:3000"})}
	idp, err := settings.startEmulator()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = idp.Close() })
	settings.accessLog = t.Output()
	app, err := newApp(settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Shutdown() })
	b := (&site{t: t, app: app, idp: idp, origin: "http://localhost:3000"}).browser()
	b.entra = idp.NewBrowser()
	b.signIn("/session", "PattiF@contoso.com")
	b.mustAsk("/org", "PattiF@contoso.com", "Patti Fernandez")
	b.mustAsk("/confirmed", "PattiF@contoso.com", "Stepped up")
	mustContain(t, b.Navigate("/recent"), "It is really you")
	mustContain(t, b.Navigate("/admin"), "Who is signed in")

	out, err := b.entra.SignOut(idp.BrowserURL+"/"+idp.TenantID+"/oauth2/v2.0/logout", "")
	if err != nil || len(out.Frames) != 1 {
		t.Fatalf("signing out at Entra: %v, %v", out, err)
	}
	if a := b.site.browser().Send(out.Frames[0]); a.StatusCode != http.StatusOK {
		t.Errorf("the frame: %d %s", a.StatusCode, a.Text)
	}
	if a := b.Navigate("/session"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("still signed in: %d", a.StatusCode)
	}
}
