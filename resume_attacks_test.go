package fibermsal_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// bindingCookie returns the name of the cookie that binds sign-ins to a browser.
func (s *site) bindingCookie(mode fibermsal.ResponseMode) string {
	s.t.Helper()
	return jarOf(s.t, s.idp, string(mode), testKey(1)).BrowserName()
}

// withoutCookies removes cookies from all requests of a browser, as if it did not keep them.
func (b *browser) withoutCookies(names ...string) {
	b.App = browsertest.DoerFunc(func(r *http.Request) (*http.Response, error) {
		cookies := r.Cookies()
		r.Header.Del("Cookie")
		for _, c := range cookies {
			if !slices.Contains(names, c.Name) {
				r.AddCookie(c)
			}
		}
		return b.Do(r)
	})
}

// withoutSameSiteNone rejects cookies that other sites may use, as some browsers do.
func (b *browser) withoutSameSiteNone() {
	b.App = browsertest.DoerFunc(func(r *http.Request) (*http.Response, error) {
		response, err := b.Do(r)
		if err == nil {
			response.Header["Set-Cookie"] = slices.DeleteFunc(response.Header["Set-Cookie"], func(line string) bool {
				return strings.Contains(strings.ToLower(line), "samesite=none")
			})
		}
		return response, err
	})
}

// wanders follows redirects, and signs in at Entra if necessary, until a page responds. It returns the
// number of sign-ins, which is at most limit.
func (b *browser) wanders(path string, limit int) (last *answer, signIns int) {
	b.t.Helper()
	last = b.Navigate(path)
	for last.Location() != "" && signIns < limit {
		if location := last.Location(); strings.HasPrefix(location, "/") {
			last = b.Navigate(location)
		} else {
			signIns++
			last = b.Send(b.approve(location, adele).Request())
		}
	}
	return last, signIns
}

// A page sends a user with a session to a sign-in that cannot be completed, and the login route sends
// the user back to the page.
func TestResume_PagesThatRequireMoreDoNotLoop(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(b *browser){
		"the binding cookie never arrives":     func(b *browser) { b.withoutCookies(b.bindingCookie(fibermsal.ResponseModeFormPost)) },
		"no cookie with SameSite=None is kept": (*browser).withoutSameSiteNone,
		"two binding cookies of one name": func(b *browser) {
			b.App = browsertest.DoerFunc(func(r *http.Request) (*http.Response, error) {
				r.AddCookie(&http.Cookie{Name: b.bindingCookie(fibermsal.ResponseModeFormPost), Value: "tossed"})
				return b.Do(r)
			})
		},
		"Entra calls each code expired": func(b *browser) {
			b.idp.Fault(entratest.Token, entratest.Fault{Status: 400, Body: `{"error":"invalid_grant","error_codes":[70008]}`})
		},
	} {
		for _, page := range []string{"/step-up", "/max-age", "/scope"} {
			t.Run(name+", "+page, func(t *testing.T) {
				t.Parallel()
				b := newInteractiveSite(t, newIDP(t)).browser()
				b.signIn(adele)
				if page == "/max-age" { // as an hour later
					b.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["auth_time"] = time.Now().Add(-time.Hour).Unix() })
					b.signIn(adele)
				}
				spoil(b)
				if last, signIns := b.wanders(page, 12); signIns > 4 || last.Location() != "" {
					t.Errorf("after %d sign-ins it leads to %.40q", signIns, last.Location())
				}
			})
		}
	}
}

func TestResume_RepeatedResponseOfTheLastRestartLeadsToThePage(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, b *browser) {
		t.Helper()
		authorize := b.Navigate(b.Navigate("/pages/x").Location()).Location()
		for range 2 { // the sign-in is restarted twice, as by two tabs with a cookie each
			delete(b.Jar, b.bindingCookie(fibermsal.ResponseMode(b.mode())))
			back := b.Send(b.approve(authorize, adele).Request())
			authorize = b.Navigate(back.Location()).Location()
		}
		response := b.approve(authorize, adele)
		if a := b.Send(response.Request()); a.Location() != "/pages/x" || b.user() != adele {
			t.Fatalf("%d to %q", a.StatusCode, a.Location())
		}
		a := b.Send(response.Request()) // the back button
		b.assertResumed(a, "/pages/x", "no_flow")
	})
}

// A slow user is not a loop. A user may complete Entra's page a day later, any number of times.
func TestResume_LateResponsesNeverDeadEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t)).browser()
		servePages(b.site)
		authorize := b.start("/pages/x")
		for day := range 4 {
			response := b.approve(authorize, adele)
			time.Sleep(24 * time.Hour)
			b.expire(24 * time.Hour)
			back := b.Send(response.Request())
			if back.Location() == "" {
				t.Fatalf("day %d: %d %s", day+1, back.StatusCode, back.Text)
			}
			authorize = b.Navigate(back.Location()).Location()
		}
	})
}

func TestResume_LongPathsAreKept(t *testing.T) {
	page := "/pages/" + noise(2000)
	t.Run("repeated", func(t *testing.T) {
		b := newSite(t, newIDP(t)).browser()
		servePages(b.site)
		response := b.approve(b.start(page), adele)
		if a := b.Send(response.Request()); a.Location() != page {
			t.Fatalf("%d to %.40q", a.StatusCode, a.Location())
		}
		if path, signIns := b.lands(b.Send(response.Request()), adele); path != page || signIns != 0 {
			t.Errorf("it leads to %.40q after %d sign-ins", path, signIns)
		}
	})
	t.Run("late", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newSite(t, newIDP(t)).browser()
			servePages(b.site)
			response := b.approve(b.start(page), adele)
			time.Sleep(11 * time.Minute)
			b.expire(11 * time.Minute)
			if path, signIns := b.lands(b.Send(response.Request()), adele); path != page || signIns != 1 {
				t.Errorf("it leads to %.40q after %d sign-ins", path, signIns)
			}
		})
	})
	t.Run("in another browser", func(t *testing.T) { // if they fit the state
		b := newSite(t, newIDP(t)).browser()
		servePages(b.site)
		page := "/pages/" + noise(1000)
		response := b.approve(b.browser().start(page), adele)
		if path, signIns := b.lands(b.Send(response.Request()), adele); path != page || signIns != 1 {
			t.Errorf("it leads to %.40q after %d sign-ins", path, signIns)
		}
	})
}

// expire removes the cookies that browsers remove after a time, if all have been set before it.
func (b *browser) expire(after time.Duration) {
	for name, c := range b.Jar {
		if c.MaxAge > 0 && time.Duration(c.MaxAge)*time.Second < after {
			delete(b.Jar, name)
		}
	}
}

func TestResume_SlowUserFulfilsTheClaimsOfARepeatedSignIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newInteractiveSite(t, newIDP(t)).browser()
		b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, OAuth: &entratest.OAuthError{
			Error: "interaction_required", Codes: []int{50076}, Claims: `{"access_token":{"capolids":{"essential":true,"values":["the policy"]}}}`,
		}})
		authorize := b.Navigate(b.Navigate("/signed-in").Location()).Location()
		response := b.approve(authorize, adele)
		time.Sleep(9 * time.Minute)
		again := b.Send(response.Request())
		if !strings.Contains(again.Location(), "capolids") {
			t.Fatalf("%d to %q", again.StatusCode, again.Location())
		}
		name := b.bindingCookie(fibermsal.ResponseModeFormPost)
		renewed := again.Cookie(name) != nil
		response = b.approve(again.Location(), adele)
		time.Sleep(2 * time.Minute)
		if !renewed {
			delete(b.Jar, name) // it was set eleven minutes ago for ten
		}
		if a := b.Send(response.Request()); a.Location() != "/signed-in" {
			t.Errorf("two minutes after the sign-in was repeated: %d to %.60q", a.StatusCode, a.Location())
		}
	})
}

// If pages are too long for a state, only the last ones are returned to. All sign-ins succeed.
func TestD15_LongPathsOfTabsOpenedTogetherFitTheHeader(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	servePages(b.site)
	pages, authorize := map[int]string{}, map[int]string{}
	for i := range 20 {
		pages[i] = fmt.Sprintf("/pages/%d?q=%s", i, noise(2500))
		tab := b.browser()
		authorize[i] = tab.Navigate(tab.Navigate(pages[i]).Location()).Location()
		maps.Copy(b.Jar, tab.Jar)
	}
	kept := 0
	for i := range authorize {
		path, _ := b.lands(b.Send(b.approve(authorize[i], adele).Request()), adele)
		if path == pages[i] {
			kept++
		} else if path != "/" {
			t.Errorf("tab %d leads to %.30s", i, path)
		}
	}
	if kept == 0 || b.user() != adele {
		t.Errorf("%d pages kept, %q is signed in", kept, b.user())
	}
}

func TestC11_RoutesAreNoPagesInAnySpelling(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	for _, to := range []string{
		"/user//login", "/user///login", "/user/login//", "/User/%6C%6fgin%2F", "/user/login?x", "/user/login#x", "/user/login/?to=/user/login",
		"/user/%61uthorized", "/user/logout?", "/user%2Flogin", "/user%2flogout/",
	} {
		authorize := b.Navigate("/user/login?to=" + url.QueryEscape(to)).Location()
		if got := b.Send(b.approve(authorize, adele).Request()).Location(); got != "/" {
			t.Errorf("%s leads to %s", to, got)
		}
		b.Jar = browsertest.Jar{}
	}
}

// An attacker who can set the cookie that binds sign-ins to a browser also has this cookie.
func TestA2_PlantedBindingCookieBindsNoLaterSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	name := s.bindingCookie(fibermsal.ResponseModeFormPost)
	attacker, victim := s.browser(), s.browser()
	attacker.start("")
	victim.Jar[name] = attacker.Jar[name]
	for range 2 { // also after a sign-in
		stolen := victim.approve(victim.start("/guarded"), adele) // as a log or the history shows it
		if a := attacker.Send(stolen.Request()); a.Cookie(sessionCookie) != nil {
			t.Error("the victim's response signed the attacker in")
		}
		victim.signIn(adele)
	}
}

func TestA9_TwoAppsOnOneHostDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	app := newApp()
	register := func(prefix, client string) *site {
		idp := newIDP(t, entratest.WithClientID(client), entratest.WithRedirectURI(publicURL+prefix+"/authorized"))
		cfg := configFor(idp)
		cfg.RoutePrefix, cfg.Keys = prefix, [][]byte{testKey(1)}
		auth, err := fibermsal.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		auth.RegisterRoutes(app)
		t.Cleanup(func() { _ = auth.Close() })
		return siteOf(t, app, idp, &logbook{})
	}
	one := register("/one", "00000000-0000-0000-0000-000000000001").browser()
	two := register("/two", "00000000-0000-0000-0000-000000000002").browser()
	two.Jar = one.Jar // tabs of one browser
	first := one.approve(one.Navigate("/one/login?to=/a").Location(), adele)
	second := two.approve(two.Navigate("/two/login?to=/b").Location(), adele)
	if a := one.Send(first.Request()); a.Location() != "/a" {
		t.Errorf("the first app: %d to %.60q", a.StatusCode, a.Location())
	}
	if a := two.Send(second.Request()); a.Location() != "/b" {
		t.Errorf("the second app: %d to %.60q", a.StatusCode, a.Location())
	}
}
