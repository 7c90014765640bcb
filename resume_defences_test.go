package fibermsal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// The cookie that binds sign-ins contains the session that they replace. It must not be accepted
// instead of that session's own cookie.
func TestA2_BindingCookieInheritsNoStepUp(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	victim, thief := s.browser(), s.browser()
	victim.signIn(adele)
	if _, landed := victim.follow("/step-up", adele); landed.Text != "shown" {
		t.Fatal(landed.Text)
	}
	name := s.bindingCookie(fibermsal.ResponseModeFormPost)
	victim.start("") // another one is under way
	stolen := victim.Jar[name]
	thief.Jar[name] = stolen
	authorize := thief.Navigate(thief.Navigate("/challenge").Location()).Location() // requires something
	thief.Jar[name] = stolen                                                        // it names the session, the new one does not
	thief.Send(thief.approve(authorize, adele).Request())                           // with the password only
	if a := thief.Navigate("/step-up"); a.Text == "shown" {
		t.Error("the step-up of a session was inherited without its cookie")
	}
	if victim.user() != adele {
		t.Error("the victim's session was ended without its cookie")
	}
}

// instances are sites that share an emulator and differ in their Config.
func instances(t *testing.T, changes ...func(*fibermsal.Config)) []*site {
	t.Helper()
	idp, all := newIDP(t), []*site(nil)
	for _, change := range changes {
		s := newSite(t, idp, change)
		servePages(s)
		all = append(all, s)
	}
	return all
}

func withKeys(keys ...byte) func(*fibermsal.Config) {
	return func(cfg *fibermsal.Config) {
		for _, k := range keys {
			cfg.Keys = append(cfg.Keys, testKey(k))
		}
	}
}

func TestA9_StatesOfOtherInstancesAreUnknown(t *testing.T) {
	t.Parallel()
	const other = "00000000-0000-0000-0000-000000000009"
	for name, foreign := range map[string]func(*fibermsal.Config){
		"keys":          withKeys(2),
		"client ID":     func(cfg *fibermsal.Config) { withKeys(1)(cfg); cfg.ClientID = other },
		"response mode": func(cfg *fibermsal.Config) { withKeys(1)(cfg); cfg.ResponseMode = fibermsal.ResponseModeQuery },
		"redirect URI":  func(cfg *fibermsal.Config) { withKeys(1)(cfg); cfg.PublicURL = "https://other.example" },
	} {
		all := instances(t, withKeys(1), foreign)
		here := all[0].browser()
		there := all[1].browser()
		if name == "redirect URI" {
			there.Origin = "https://other.example" // its PublicURL
		}
		a := there.Navigate("/user/login?to=/pages/x")
		state := query(t, a.Location()).Get("state")
		if state == "" {
			t.Fatalf("%s: %d %s", name, a.StatusCode, a.Text)
		}
		here.start("")
		for cookie, c := range there.Jar {
			here.Jar[cookie] = c
		}
		got := here.Send(callback(url.Values{"state": {state}, "code": {"c"}}.Encode()))
		if got.StatusCode != http.StatusBadRequest || got.Location() != "" || got.Cookie(sessionCookie) != nil {
			t.Errorf("%s: %d to %q", name, got.StatusCode, got.Location())
		}
		if n := all[0].idp.Count(entratest.Token); n != 0 {
			t.Errorf("%s: %d token calls", name, n)
		}
	}
}

func TestE5_SignInsSurviveTheRotationOfKeys(t *testing.T) {
	t.Parallel()
	all := instances(t, withKeys(1), withKeys(2, 1), withKeys(2), withKeys(1, 2))
	old, both, young, early := all[0], all[1], all[2], all[3]
	b := old.browser()
	at := func(s *site) { b.App = browsertest.DoerFunc(s.Do) }
	// Begun before the rotation, with a separate cookie for the path, and completed afterwards.
	long := "/pages/" + noise(2000)
	for _, to := range []string{"/pages/x", long} {
		at(old)
		response := b.approve(b.start(to), adele)
		at(both)
		if a := b.Send(response.Request()); a.Location() != to {
			t.Errorf("rotated: %d to %.30q", a.StatusCode, a.Location())
		}
		b.Jar = browsertest.Jar{}
	}
	// Begun with the new key, and completed by an instance that has this key but does not seal with it
	// yet.
	at(both)
	response := b.approve(b.start("/pages/y"), adele)
	at(early)
	if a := b.Send(response.Request()); a.Location() != "/pages/y" {
		t.Errorf("early: %d to %q", a.StatusCode, a.Location())
	}
	// Nothing can be opened with a removed key.
	b.Jar = browsertest.Jar{}
	at(old)
	response = b.approve(b.start("/pages/z"), adele)
	at(young)
	if a := b.Send(response.Request()); a.StatusCode != http.StatusBadRequest || a.Cookie(sessionCookie) != nil {
		t.Errorf("gone: %d to %q", a.StatusCode, a.Location())
	}
}

func TestA3_ReplayAfterARestartSignsNobodyIn(t *testing.T) {
	t.Parallel()
	all := instances(t, withKeys(1), withKeys(1)) // each remembers used responses in its own memory
	b := all[0].browser()
	response := b.approve(b.start("/pages/x"), adele)
	b.Send(response.Request())
	b.App = browsertest.DoerFunc(all[1].Do)
	a := b.Send(response.Request())
	if a.Cookie(sessionCookie) != nil || !strings.HasPrefix(a.Location(), "/user/login?") {
		t.Errorf("%d to %q\n%s", a.StatusCode, a.Location(), all[1].log)
	}
}

// A response that arrives in another browser satisfies no requirement, and has no effect on its
// sign-in.
func TestB14_ResumingWeakensNoRequirement(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t))
	program, b := s.browser(), s.browser()
	for _, p := range []*browser{program, b} {
		p.signIn(adele)
	}
	for page, parameter := range map[string]string{"/step-up": "claims", "/scope": "scope", "/challenge": "claims"} {
		authorize := program.Navigate(program.Navigate(page).Location()).Location()
		required := query(t, authorize).Get(parameter)
		a := b.Send(b.approve(authorize, adele).Request())
		b.assertResumed(a, page, "no_flow")
		if strings.Contains(a.Location(), "ask=") {
			t.Errorf("%s: requirements of another browser: %s", page, a.Location())
		}
		if a = b.Navigate(a.Location()); a.Location() != page {
			t.Errorf("%s: %d to %q", page, a.StatusCode, a.Location())
		}
		a = b.Navigate(page)
		if again := query(t, b.Navigate(a.Location()).Location()).Get(parameter); a.Text == "shown" || again != required {
			t.Errorf("%s: it then requires %q instead of %q", page, again, required)
		}
	}
	// Without a session, the restarted sign-in has no additional requirements.
	stranger := s.browser()
	plain := query(t, stranger.start("")).Get("scope")
	authorize := program.Navigate(program.Navigate("/scope").Location()).Location()
	a := stranger.Send(stranger.approve(authorize, adele).Request())
	if got := query(t, stranger.Navigate(a.Location()).Location()).Get("scope"); got != plain {
		t.Errorf("scopes of a foreign state: %q", got)
	}
}

func TestResume_SilentSignInInAnotherBrowserIsVisibleOrOver(t *testing.T) {
	s := newSite(t, newIDP(t))
	s.routeBroken()
	program, b := s.browser(), s.browser()
	program.signIn(adele)
	authorize := program.startBroken()
	if query(t, authorize).Get("prompt") != "none" {
		t.Fatal(authorize)
	}
	refused := url.Values{"state": {state(t, authorize)}, "error": {"login_required"}}.Encode()
	a := b.Send(callback(refused))
	b.assertResumed(a, "/broken", "no_flow")
	if next := query(t, b.Navigate(a.Location()).Location()); next.Get("prompt") == "none" || next.Get("login_hint") != "" {
		t.Errorf("the other user's hint: %v", next)
	}
	b.signIn(alex)
	if a = b.Navigate(b.Send(callback(refused)).Location()); a.Location() != "/broken" || b.user() != alex {
		t.Errorf("%d to %q, %s", a.StatusCode, a.Location(), b.user())
	}
}

const triesCookie = "__Host-fibermsal-tries"

func TestResume_ParameterCannotBeAbused(t *testing.T) {
	t.Parallel()
	all := instances(t, withKeys(1), withKeys(2))
	b, other := all[0].browser(), all[1].browser()
	resume := func(b *browser, to string) string {
		response := b.approve(b.browser().start(to), adele)
		return query(t, b.Send(response.Request()).Location()).Get("resume")
	}
	own, foreign := resume(b, "/pages/x"), resume(other, "/pages/x")
	b.signIn(adele)
	for _, text := range []string{foreign, state(t, b.start("")), "", "AAAA", strings.Repeat("A", 5000), own + "A", own[1:], "%00", "\r\nX: y"} {
		a := b.Navigate("/user/login?resume=" + url.QueryEscape(text) + "&to=/pages/y")
		if !strings.HasPrefix(a.Location(), b.idp.Authority) {
			t.Errorf("%.20q: %d to %q", text, a.StatusCode, a.Location())
		}
	}
	for to, want := range map[string]string{
		"//evil.example": "/", "/\\evil.example": "/", "https://evil.example": "/", "/user/login": "/", "/x\r\nSet-Cookie: a=b": "/", "/pages/y": "/pages/y", `/x?"><script>`: `/x?"><script>`,
	} {
		if a := b.Navigate("/user/login?resume=" + own + "&to=" + url.QueryEscape(to)); a.Location() != want || len(a.Cookies()) != 1 || a.Cookie(triesCookie) == nil {
			t.Errorf("%q: %d to %q, %v", to, a.StatusCode, a.Location(), a.Cookies())
		}
	}
}

func TestA10_RefusalOfAForeignStateShowsAndLogsNothingForged(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	for _, to := range []string{`/x?"><script>alert(1)</script>`, `/x'onmouseover='alert(1)`, "/x?javascript:alert(1)#</a>"} {
		form := url.Values{"state": {state(t, b.browser().start(to))}, "error": {"access_denied"}, "error_description": {"<script>alert(2)</script>\r\nlevel=ERROR msg=forged"}}
		a := b.Send(callback(form.Encode()))
		if a.StatusCode != http.StatusBadRequest || strings.Contains(a.Text, "<script>alert") || strings.Contains(a.Text, "'alert") || strings.Contains(a.Text, "alert(2)") {
			t.Errorf("%s: %d %s", to, a.StatusCode, a.Text)
		}
	}
	if strings.Contains(b.log.String(), "\nlevel=ERROR") {
		t.Error("a line was forged")
	}
}
