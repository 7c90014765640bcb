package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

func TestPages_OfDifferentPeople(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, login string
		profile     []string // what the profile page says
		me          string   // what /api/me says
	}{
		{
			"with everything", "AdeleV@contoso.com",
			[]string{"Adele Vance", "Retail Manager", "mailto:AdeleV@contoso.com", "18/2111", "Miriam Graham", "mailto:MiriamG@contoso.com", "Portal.User"},
			`{"id":"87d349ed-44d7-43e1-9a83-5f2406dee5bd","displayName":"Adele Vance","mail":"AdeleV@contoso.com","userPrincipalName":"AdeleV@contoso.com","jobTitle":"Retail Manager"}`,
		},
		{
			"without a manager", "PattiF@contoso.com",
			[]string{"Patti Fernandez", "President", "Nobody is set as your manager", "Portal.Admin"},
			`{"id":"1a2b41c6-5a0f-4f0e-9d3e-0c5e6f1b0a01","displayName":"Patti Fernandez","mail":"PattiF@contoso.com","userPrincipalName":"PattiF@contoso.com","jobTitle":"President"}`,
		},
		{
			"without a photo", "IsaiahL@contoso.com",
			[]string{"Isaiah Langer", `data-initials="IL"`, "Miriam Graham"},
			`{"id":"cf4c6ddb-2a0a-4c0f-8a0f-7d5b6bdcf8d1","displayName":"Isaiah Langer","mail":"IsaiahL@contoso.com","userPrincipalName":"IsaiahL@contoso.com","jobTitle":"Sales Representative"}`,
		},
		{
			"without a mailbox", "JohannaL@contoso.com",
			[]string{"Johanna Lorenz", "no mailbox", "Nestor Wilke"},
			`{"id":"0c8a2b1f-6d43-4ad4-8a7c-2a6f0b2f9c11","displayName":"Johanna Lorenz","mail":null,"userPrincipalName":"JohannaL@contoso.com","jobTitle":"Senior Engineer"}`,
		},
		{
			"guest", "PradeepG@fabrikam.com",
			[]string{"Pradeep Gupta", "mailto:PradeepG@fabrikam.com", "Megan Bowen"},
			`{"id":"6e9f85fa-9e43-4d42-b172-409fad5f4e05","displayName":"Pradeep Gupta","mail":"PradeepG@fabrikam.com","userPrincipalName":"PradeepG_fabrikam.com#EXT#@contoso.onmicrosoft.com","jobTitle":"Accountant"}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, nil).browser()
			if back := b.signIn("/profile", tc.login); back.Location() != "/profile" {
				t.Fatalf("the sign-in led to %d %q", back.StatusCode, back.Location())
			}
			mustContain(t, b.Navigate("/profile"), tc.profile...)
			mustContain(t, b.Navigate("/"), "Good to see you", tc.profile[0])
			mustContain(t, b.Navigate("/graph"), tc.profile[0], "GetDisplayName()", `<span class="keyword">func</span>`)
			mustContain(t, b.Navigate("/session"), b.idp.TenantID, tc.profile[0], "the memory of this process", "23 h 59 min")

			if got := b.Fetch("/api/me"); got.StatusCode != http.StatusOK || !sameJSON(t, got.Text, tc.me) {
				t.Errorf("/api/me: %d %s", got.StatusCode, got.Text)
			}
			info := b.Fetch("/user/info")
			mustContain(t, info, `"authenticated":true`, `"storage":"the memory of this process"`)
			photo := b.Navigate("/user/photo")
			if photo.StatusCode != http.StatusOK || !strings.HasPrefix(photo.Header.Get("Content-Type"), "image/") {
				t.Errorf("/user/photo: %d %s", photo.StatusCode, photo.Header.Get("Content-Type"))
			}
			b.mustLackSecrets()
		})
	}
}

func mustContain(t *testing.T, a *browsertest.Answer, wanted ...string) {
	t.Helper()
	if a.StatusCode != http.StatusOK {
		t.Errorf("%s: status %d, %s", a.Request.URL, a.StatusCode, a.Text)
	}
	for _, w := range wanted {
		if !strings.Contains(a.Text, w) {
			t.Errorf("%q is missing in: %s", w, a.Text)
		}
	}
}

func sameJSON(t *testing.T, got, want string) bool {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(g) == fmt.Sprint(w)
}

func TestPages_NeedASignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	mustContain(t, s.browser().Navigate("/"), "Sign in with Microsoft", "/user/login?to=/profile")
	for _, path := range []string{"/profile", "/graph", "/session?x=1"} {
		a := s.browser().Navigate(path)
		if to := a.Location(); a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/user/login?to=%2F") {
			t.Errorf("%s: %d to %q", path, a.StatusCode, to)
		}
	}
	a := s.browser().Fetch("/api/me")
	if a.StatusCode != http.StatusUnauthorized || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("/api/me: %d %s %s", a.StatusCode, a.Header.Get("Content-Type"), a.Text)
	}
}

// The library's pages have the design of the app and are in the user's language.
func TestPages_OfTheLibraryAreInTheAppsDesign(t *testing.T) {
	t.Parallel()
	b := newSite(t, nil).browser()
	b.signIn("/profile", "LeeG@contoso.com")
	admin := browsertest.Navigation(http.MethodGet, b.origin, "/admin", "")
	admin.Header.Set("Accept-Language", "de-CH,de;q=0.9")
	a := b.Send(admin)
	if a.StatusCode != http.StatusForbidden || a.Header.Get("Content-Language") != "de" {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	for _, want := range []string{`lang="de"`, "Ihr Konto ist dazu nicht berechtigt.", "Anderes Konto verwenden", "Startseite", "/static/style.css", "Lee Gu"} {
		if !strings.Contains(a.Text, want) {
			t.Errorf("%q is not in\n%s", want, a.Text)
		}
	}
	question := b.Send(browsertest.CrossSite(browsertest.Navigation(http.MethodGet, b.origin, "/user/logout", "")))
	mustContain(t, question, "Do you want to sign out?", `action="/user/logout"`, "Stay signed in", "/static/style.css")
}

func TestSignIn_ReturnsToThePage(t *testing.T) {
	t.Parallel()
	for _, mode := range []fibermsal.ResponseMode{fibermsal.ResponseModeFormPost, fibermsal.ResponseModeQuery} {
		b := newSite(t, func(s *settings) { s.auth.ResponseMode = mode }).browser()
		a := b.signIn("/graph?tab=2", "MeganB@contoso.com")
		if a.StatusCode != http.StatusSeeOther || a.Location() != "/graph?tab=2" {
			t.Errorf("%s: %d to %q", mode, a.StatusCode, a.Location())
		}
		b.mustLackSecrets()
	}
}

func TestSignOut_EndsTheSession(t *testing.T) {
	t.Parallel()
	b := newSite(t, nil).browser()
	b.signIn("/profile", "LeeG@contoso.com")
	out := b.signOut()
	if to := out.Location(); out.StatusCode != http.StatusSeeOther || !strings.Contains(to, "/logout?") {
		t.Fatalf("sign-out: %d to %q", out.StatusCode, to)
	}
	if a := b.Navigate("/profile"); a.StatusCode != http.StatusSeeOther {
		t.Errorf("still signed in: %d", a.StatusCode)
	}
	mustContain(t, b.Navigate("/"), "Sign in with Microsoft")
}

// A restart keeps the storage and the keys.
func TestRestart_KeepsPeopleSignedIn(t *testing.T) {
	t.Parallel()
	storage := memoryStorage()
	stored := func(s *settings) {
		s.auth.Storage, s.auth.Keys = storage, [][]byte{[]byte("0123456789abcdef0123456789abcdef")}
	}
	before := newSite(t, stored)
	b := before.browser()
	b.signIn("/profile", "MeganB@contoso.com")

	b.visit(newSite(t, func(s *settings) {
		stored(s)
		s.auth.ClientSecret, s.auth.HTTPClient = before.idp.ClientSecret, before.idp.HTTPClient
	}))
	mustContain(t, b.Navigate("/profile"), "Marketing Manager")
	mustContain(t, b.Fetch("/api/me"), "MeganB@contoso.com")

	// An emulator in the same process is restarted, too. The session remains, but its tokens are no
	// longer valid.
	b.visit(newSite(t, stored))
	mustContain(t, b.Navigate("/session"), "Megan Bowen")
	if a := b.Navigate("/profile"); a.StatusCode != http.StatusSeeOther || !strings.HasSuffix(a.Location(), "to=%2Fprofile") {
		t.Errorf("/profile: %d to %q", a.StatusCode, a.Location())
	}
	if back := b.signIn("/profile", "MeganB@contoso.com"); back.Location() != "/profile" {
		t.Errorf("signing in again led to %d %q", back.StatusCode, back.Location())
	}
	mustContain(t, b.Navigate("/profile"), "Marketing Manager")
}

func TestUnreadableCookie_MeansSignedOut(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for name, value := range map[string]string{
		"of an older app": "eyJhbGciOiJIUzI1NiJ9.e30.abc",
		"not base64":      "%%%",
		"right form":      strings.Repeat("A", 43),
		"far too long":    strings.Repeat("x", 5000),
	} {
		b := s.browser()
		b.Jar["__Host-fibermsal"] = &http.Cookie{Name: "__Host-fibermsal", Value: value}
		mustContain(t, b.Navigate("/"), "Sign in with Microsoft")
		if a := b.Navigate("/profile"); a.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: /profile gives %d", name, a.StatusCode)
		}
		if back := b.signIn("/profile", "AlexW@contoso.com"); back.Location() != "/profile" {
			t.Errorf("%s: the next sign-in led to %d %q", name, back.StatusCode, back.Location())
		}
	}
}

func TestErrors_SayNothingOfTheirCause(t *testing.T) {
	t.Parallel()
	b := newSite(t, nil).browser()
	b.signIn("/profile", "GradyA@contoso.com")

	page := b.Navigate("/nowhere?code=secret")
	if page.StatusCode != http.StatusNotFound || !strings.Contains(page.Text, "There is nothing here") || strings.Contains(page.Text, "nowhere") {
		t.Errorf("page: %d %s", page.StatusCode, page.Text)
	}
	problem := b.Fetch("/nowhere")
	if problem.StatusCode != http.StatusNotFound || problem.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("problem: %d %s", problem.StatusCode, problem.Header.Get("Content-Type"))
	}
	b.idp.Fault(entratest.GraphMe, entratest.Fault{
		Status: http.StatusBadRequest, Body: `{"error":{"code":"Request_BadRequest","message":"canary-message"}}`,
	})
	rejected := b.Fetch("/api/me")
	if rejected.StatusCode < 400 || strings.Contains(rejected.Text, "canary-message") {
		t.Errorf("refused by Graph: %d %s", rejected.StatusCode, rejected.Text)
	}
	b.mustLackSecrets()
	if log := b.log.String(); strings.Contains(log, "code=") || strings.Contains(log, "?") {
		t.Errorf("the access log has queries: %s", log)
	}
}

// The text of an internal error is only logged. The user gets a number to quote.
func TestFault_IsNotShown(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.app.Get("/fault", func(*fiber.Ctx) error { return errors.New("canary-cause") })
	for _, a := range []*browsertest.Answer{s.browser().Navigate("/fault"), s.browser().Fetch("/fault")} {
		if a.StatusCode != http.StatusInternalServerError || strings.Contains(a.Text, "canary") ||
			!regexp.MustCompile(`[0-9a-f]{16}`).MatchString(a.Text) {
			t.Errorf("%d %s", a.StatusCode, a.Text)
		}
	}
}

func TestHeaders_FitThePages(t *testing.T) {
	t.Parallel()
	b := newSite(t, nil).browser()
	home := b.Navigate("/")
	policy := home.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "style-src 'self'", "frame-ancestors 'none'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy lacks %s: %s", part, policy)
		}
	}
	if strings.Contains(policy, "http:") {
		t.Errorf("the policy of a public app lets forms go to plain http: %s", policy)
	}
	if got := home.Header.Get("Cache-Control"); !strings.Contains(got, "no-store") {
		t.Errorf("Cache-Control: %q", got)
	}
	if strings.Contains(home.Text, "<script") || strings.Contains(home.Text, " style=") || strings.Contains(home.Text, "//") && strings.Contains(home.Text, `src="http`) {
		t.Errorf("the page has what its policy forbids: %s", home.Text)
	}
	style := b.Navigate("/static/style.css")
	if style.StatusCode != http.StatusOK || !strings.HasPrefix(style.Header.Get("Content-Type"), "text/css") ||
		!strings.Contains(style.Header.Get("Cache-Control"), "max-age") {
		t.Errorf("style: %d %v", style.StatusCode, style.Header)
	}
}

// If the tenant does not let the app read managers, the rest is still shown.
func TestProfile_WithoutPermissionForTheManager(t *testing.T) {
	t.Parallel()
	b := newSite(t, nil, entratest.WithManagerScope("User.Read.All")).browser()
	b.signIn("/profile", "AdeleV@contoso.com")
	mustContain(t, b.Navigate("/profile"), "Retail Manager", "does not show managers to this app")
}

func TestPages_SayThatTheTenantIsEmulated(t *testing.T) {
	t.Parallel()
	b := newSite(t, func(s *settings) { s.emulated = true }).browser()
	mustContain(t, b.Navigate("/"), "a local emulator instead of Microsoft", `<span class="tag">emulator</span>`)
}

// Many concurrent users see their own data, although the pages share templates and the sessions share
// all other components.
func TestPages_OfManyPeopleAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(s *settings) { s.accessLog = io.Discard })
	var group sync.WaitGroup
	for _, person := range s.idp.Users() {
		group.Go(func() {
			b := s.browser()
			b.signIn("/profile", person.UPN)
			for range 5 {
				mustContain(t, b.Navigate("/profile"), ">"+person.DisplayName+"</h1>")
				if a := b.Fetch("/api/me"); !strings.Contains(a.Text, `"id":"`+person.ID+`"`) {
					t.Errorf("%s got %s", person.UPN, a.Text)
				}
			}
		})
	}
	group.Wait()
}
