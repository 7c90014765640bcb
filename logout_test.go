package fibermsal_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

func TestC3_WayBackFromSignOutIsTheConfiguredOne(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/user/logout", "/user/logout?to=//evil.example", "/user/logout?post_logout_redirect_uri=https://evil.example"} {
		b := newSite(t, newIDP(t)).browser()
		b.signIn(adele)
		r := request(http.MethodPost, path, "to=https://evil.example&post_logout_redirect_uri=https://evil.example")
		r.Header.Set("Referer", "https://evil.example/localhost")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		a := b.Send(r)
		u, err := url.Parse(a.Location())
		if err != nil || !strings.HasPrefix(a.Location(), b.idp.Authority+"/oauth2/v2.0/logout?") {
			t.Errorf("%s: Location %q", path, a.Location())
		}
		if got := u.Query()["post_logout_redirect_uri"]; len(got) != 1 || got[0] != publicURL+"/" {
			t.Errorf("%s: way back %q", path, got)
		}
		if !strings.Contains(a.Location(), "post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F") {
			t.Errorf("not encoded: %s", a.Location())
		}
	}
}

func TestC3_SignOutWorksWhileEntraIsDown(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	l := newLedger()
	b := newSite(t, idp, onLedger(l)).browser()
	b.signIn(adele)
	down := newSite(t, entratest.New(entratest.WithRedirectURI(redirectURI)), onLedger(l))
	down.idp.Fault(entratest.Discovery, entratest.Fault{Drop: true})
	b.site = down
	if a := b.Send(request(http.MethodPost, "/user/logout", "")); a.StatusCode != http.StatusSeeOther || a.Location() != publicURL+"/" {
		t.Errorf("status %d, Location %q", a.StatusCode, a.Location())
	}
	if len(l.keys()) != 0 {
		t.Errorf("left: %v", l.keys())
	}
}

func TestC4_SignOutNeedsTheUser(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		method, site, mode, dest string
		effective                bool
		status                   int
	}{
		"cross-site image":            {"GET", "cross-site", "no-cors", "image", false, 403},
		"cross-site link":             {"GET", "cross-site", "navigate", "document", false, 200},
		"same-site link":              {"GET", "same-site", "navigate", "document", false, 200},
		"GET of an old browser":       {"GET", "", "", "", false, 403},
		"link of the app":             {"GET", "same-origin", "navigate", "document", true, 303},
		"typed into the address bar":  {"GET", "none", "navigate", "document", true, 303},
		"form of the app":             {"POST", "same-origin", "navigate", "document", true, 303},
		"POST of an old browser":      {"POST", "", "", "", true, 303},
		"form of a sister site":       {"POST", "same-site", "navigate", "document", false, 403},
		"script of the app's own":     {"POST", "same-origin", "cors", "empty", true, 303},
		"a value browsers never send": {"POST", "evil", "", "", false, 403},
		"picture in the app's page":   {"GET", "same-origin", "no-cors", "image", false, 403},
		"script of the app, by GET":   {"GET", "same-origin", "cors", "empty", false, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t)).browser()
			b.signIn(adele)
			r := request(row.method, "/user/logout", "")
			for header, value := range map[string]string{"Sec-Fetch-Site": row.site, "Sec-Fetch-Mode": row.mode, "Sec-Fetch-Dest": row.dest} {
				if value != "" {
					r.Header.Set(header, value)
				}
			}
			b.IgnoresSameSite = true // which alone would stop some of them
			a := b.Send(r)
			if a.StatusCode != row.status {
				t.Errorf("status %d, want %d", a.StatusCode, row.status)
			}
			if signedOut := b.user() == ""; signedOut != row.effective {
				t.Errorf("signed out: %v", signedOut)
			}
			if !row.effective && (!strings.Contains(a.Text, `method="post"`) || !strings.Contains(a.Header.Get("Content-Security-Policy"), "form-action 'self' https://login.entra.test;")) {
				t.Errorf("no confirmation page: %s\n%v", a.Text, a.Header)
			}
		})
	}
}

// Browsers that do not send Sec-Fetch-Site send Origin with a POST.
func TestC4_SignOutFallsBackToOrigin(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		origin    string
		effective bool
	}{
		"the app's own":                     {publicURL, true},
		"the app's own, in capitals":        {"HTTPS://APP.EXAMPLE", true},
		"another site's":                    {"https://evil.example", false},
		"a sister site's":                   {"https://evil.app.example", false},
		"one that begins like the app's":    {publicURL + ".evil.example", false},
		"the app's host without encryption": {"http://app.example", false},
		"another port's":                    {publicURL + ":8443", false},
		"an opaque one":                     {"null", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t)).browser()
			b.signIn(adele)
			r := request(http.MethodPost, "/user/logout", "")
			r.Header.Set("Origin", row.origin)
			r.Header.Del("Sec-Fetch-Site")
			b.IgnoresSameSite = true
			a := b.Send(r)
			if signedOut := b.user() == ""; signedOut != row.effective || (a.StatusCode == http.StatusSeeOther) != row.effective {
				t.Errorf("%d, signed out: %v", a.StatusCode, signedOut)
			}
		})
	}
}

// The question's form is sent with the Origin null, because of the page's Referrer-Policy.
func TestC4_OldBrowsersCanAnswerTheQuestion(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b, other := s.browser(), s.browser()
	b.signIn(adele)
	other.signIn(alex)
	post := func(b *browser, target string) *answer {
		r := request(http.MethodPost, target, "")
		r.Header.Set("Origin", "null")
		return b.Send(r)
	}
	action := regexp.MustCompile(`action="([^"]*)"`)
	question := post(b, "/user/logout")
	form := action.FindStringSubmatch(question.Text)
	if question.StatusCode != http.StatusForbidden || form == nil {
		t.Fatalf("%d %s", question.StatusCode, question.Text)
	}
	if a := post(other, form[1]); a.StatusCode != http.StatusForbidden || other.user() != alex {
		t.Errorf("in another browser: %d, %q is signed in", a.StatusCode, other.user())
	}
	if a := post(b, form[1]); a.StatusCode != http.StatusSeeOther || b.user() != "" {
		t.Errorf("%d, %q is signed in", a.StatusCode, b.user())
	}
}

// Chromium applies form-action to every redirect that follows the form.
func TestC4_QuestionAllowsTheWholeWayOfItsForm(t *testing.T) {
	t.Parallel()
	const entraPages = "https://login.entra.test"
	for _, row := range []struct{ postLogoutURL, want string }{
		{"", "form-action 'self' " + entraPages + ";"},
		{publicURL + ":443/bye", "form-action 'self' " + entraPages + ";"},
		{"https://intranet.example/bye", "form-action 'self' " + entraPages + " https://intranet.example;"},
		{"http://localhost:8080/", "form-action 'self' " + entraPages + " http://localhost:8080;"},
	} {
		b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.PostLogoutURL = row.postLogoutURL }).browser()
		b.signIn(adele)
		r := navigation(http.MethodGet, "/user/logout")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		a := b.Send(r)
		if policy := a.Header.Get("Content-Security-Policy"); !strings.Contains(policy, row.want) {
			t.Errorf("%q: %s", row.postLogoutURL, policy)
		}
	}
}

func TestD7_SignOutRemovesTheSessionEverywhere(t *testing.T) {
	t.Parallel()
	l := newLedger()
	idp := newIDP(t)
	here, there := newSite(t, idp, onLedger(l)), newSite(t, idp, onLedger(l))
	b := here.browser()
	b.signIn(adele)
	elsewhere := there.browserWith(browsertest.Jar{sessionCookie: b.Jar[sessionCookie]})
	if elsewhere.user() != adele {
		t.Fatal("the other instance does not know the session")
	}
	b.Send(request(http.MethodPost, "/user/logout", ""))
	if elsewhere.user() != "" || b.user() != "" {
		t.Error("still signed in")
	}
	if keys := l.keys(); len(keys) != 0 {
		t.Errorf("left: %v", keys)
	}
}

func TestD7_SignOutTellsEntraWho(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.signIn(adele)
	a := b.Send(request(http.MethodPost, "/user/logout", ""))
	if query(t, a.Location()).Get("logout_hint") == "" {
		t.Errorf("Location %q", a.Location())
	}
}

func TestD8_SignOutWinsOverARefreshInFlight(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			l := newLedger()
			b := newSite(t, newIDP(t), onLedger(l)).browser()
			b.signIn(adele)
			time.Sleep(2 * time.Hour)
			b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: time.Second})
			cookie := b.Jar[sessionCookie]
			go func() {
				r := request(http.MethodGet, "/token", "")
				r.AddCookie(cookie)
				b.send(r)
			}()
			time.Sleep(500 * time.Millisecond)
			b.Send(request(http.MethodPost, "/user/logout", ""))
			time.Sleep(2 * time.Second)
			if keys := l.keys(); len(keys) != 0 {
				t.Errorf("came back: %v", keys)
			}
		})
	}
}

func TestD10_StorageDownAtSignOutIsA503WithoutTheCookieAndEndsTheSessionLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		b := newSite(t, newIDP(t), onLedger(l)).browser()
		b.signIn(adele)
		stolen := b.Jar[sessionCookie]
		l.fail(true, true)
		a := b.Send(request(http.MethodPost, "/user/logout", ""))
		if a.StatusCode != http.StatusServiceUnavailable || b.session() != "" {
			t.Errorf("status %d, cookie %q", a.StatusCode, b.session())
		}
		time.Sleep(time.Minute)
		l.fail(false, false)
		b.Jar[sessionCookie] = stolen
		if a := b.Get("/user/info"); a.JSON(t)["authenticated"] != false {
			t.Errorf("signed in again when the storage was back: %s", a.Text)
		}
		time.Sleep(5 * time.Second)
		if left := l.keys(); len(left) != 0 {
			t.Errorf("left in the storage: %v", left)
		}
	})
}

func TestD10_ClosingTriesOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, back := range map[string]bool{"storage is back": true, "still down": false} {
			l := newLedger()
			s := newSite(t, newIDP(t), onLedger(l))
			b := s.browser()
			b.signIn(adele)
			l.fail(true, true)
			b.Send(request(http.MethodPost, "/user/logout", ""))
			time.Sleep(100 * time.Millisecond) // the breaker is closed: one failure is none
			l.fail(!back, !back)
			if err := s.app.Shutdown(); err != nil {
				t.Error(err)
			}
			if gone := len(l.keys()) == 0; gone != back {
				t.Errorf("%s: %v", name, l.keys())
			}
		}
	})
}

func TestLogout_DuringAnOutageSaysWhatIsTrue(t *testing.T) {
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	b := s.browser()
	b.signIn(adele)
	l.fail(true, true)
	a := b.Send(navigation(http.MethodPost, "/user/logout"))
	if b.Jar[sessionCookie] == nil && strings.Contains(a.Text, "You have not been signed out") {
		t.Errorf("%d: the cookie is gone, and the page says the opposite", a.StatusCode)
	}
}
