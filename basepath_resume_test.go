package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// beside returns another browser behind the same proxy.
func (b *browser) beside() *browser {
	other := b.browser()
	other.App = b.App
	return other
}

// answered is Entra's response to a sign-in that an authorize URL requests.
func (b *browser) answered(authorize, user string) func() *http.Request {
	response := b.approve(authorize, user)
	return func() *http.Request {
		r := response.Request()
		r.RequestURI = r.URL.RequestURI()
		return r
	}
}

func TestBasePath_ResumedSignInsLeadToTheirPages(t *testing.T) {
	t.Parallel()
	inBothProxies(t, func(t *testing.T, b *browser) {
		t.Helper()
		for _, page := range []string{"/myapp/guarded?a=b", "/myapp/guarded?q=" + noise(2000)} {
			response := b.answered(b.Navigate(b.Navigate(page).Location()).Location(), adele)
			if a := b.Send(response()); a.Location() != page {
				t.Fatalf("%d to %.60q", a.StatusCode, a.Location())
			}
			for range 4 { // the back button
				again := b.Send(response())
				if q := query(t, again.Location()); !strings.HasPrefix(again.Location(), "/myapp/user/login?") || q.Get("resume") == "" || q.Get("to") != page {
					t.Errorf("repeated: %d to %.60q", again.StatusCode, again.Location())
				}
				if a := b.Navigate(again.Location()); a.Location() != page || b.Navigate(page).Text != "page" {
					t.Errorf("with a session: %d to %.60q", a.StatusCode, a.Location())
				}
			}
			b.Send(request(http.MethodPost, "/myapp/user/logout", ""))
		}
		// The sign-in was started by a program.
		program, page := b.beside(), "/myapp/guarded?c=d"
		response := b.answered(program.Navigate(program.Navigate(page).Location()).Location(), adele)
		started := b.Navigate(b.Send(response()).Location())
		if a := b.Send(b.answered(started.Location(), adele)()); a.Location() != page || b.Navigate(page).Text != "page" {
			t.Errorf("of a program: %d to %.60q", a.StatusCode, a.Location())
		}
	})
}

func TestBasePath_RetriesIncludeIt(t *testing.T) {
	t.Parallel()
	for _, strips := range []bool{true, false} {
		l := newLedger()
		b := behindProxy(t, strips, onLedger(l))
		for name, row := range map[string]struct {
			method, path, target string
		}{
			"a page":     {http.MethodGet, "/myapp/guarded?x=1", "/myapp/guarded?x=1"},
			"a form":     {http.MethodPost, "/myapp/guarded", "/myapp/form?a=1"},
			"a sign-out": {http.MethodPost, "/myapp/user/logout", "/myapp/user/logout"},
		} {
			b.signInBelow("/myapp/guarded", adele)
			l.fail(true, true)
			r := navigation(row.method, row.path)
			r.Header.Set("Referer", publicURL+"/myapp/form?a=1#top")
			a := b.Send(r)
			if target, text := link(t, a); a.StatusCode != http.StatusServiceUnavailable || target != row.target || text != "Try again" {
				t.Errorf("%s: %d, %q leads to %q", name, a.StatusCode, text, target)
			}
			l.fail(false, false)
			b.Jar = b.beside().Jar
		}
	}
}

func TestBasePath_AdministratorsConsentThere(t *testing.T) {
	t.Parallel()
	inBothProxies(t, func(t *testing.T, b *browser) {
		t.Helper()
		address, err := b.auth.AdminConsentURL(b.idp.TenantID, publicURL+"/myapp/user/authorized")
		if err != nil {
			t.Fatal(err)
		}
		for want, give := range map[string]func(string, string) (*entratest.Response, error){
			"have been granted": b.idp.SignIn, "have not been granted": b.idp.Decline,
		} {
			response, err := give(address, administrator)
			if err != nil {
				t.Fatal(err)
			}
			r := response.Request()
			r.RequestURI = r.URL.RequestURI()
			a := b.Send(r)
			if target, text := link(t, a); !strings.Contains(a.Text, want) || target != "/myapp/" || text != "Home page" {
				t.Errorf("%s: %d, %q leads to %q\n%s", want, a.StatusCode, text, target, a.Text)
			}
		}
	})
}

// After a form or script request the user returns to its page. The browser sends the page's path with
// the base path. Pages of other apps on the host are not accepted (threat C1).
func TestC1_RefererBesideTheBasePathLeadsHome(t *testing.T) {
	t.Parallel()
	for _, strips := range []bool{true, false} {
		b, doubled := behindProxy(t, strips), "/myapp//evil.example"
		if strips {
			doubled = "" // what the app sees would be another host
		}
		for referer, want := range map[string]string{
			publicURL + "/myapp/guarded?page=2#row":          "/myapp/guarded?page=2",
			publicURL + "/myapp/":                            "",
			publicURL + "/other/guarded":                     "",
			publicURL + "/guarded":                           "",
			publicURL + "/myapplication/guarded":             "",
			publicURL + "/myapp/../other":                    "",
			publicURL + "/myapp//evil.example":               doubled,
			publicURL + "/":                                  "",
			publicURL + "/myapp/user/login?to=/myapp/x":      "",
			"https://evil.example/myapp/guarded":             "",
			"https://app.example.evil.example/myapp/guarded": "",
		} {
			form := navigation(http.MethodPost, "/myapp/guarded")
			form.Header.Set("Referer", referer)
			target, _ := link(t, b.Send(form))
			login, _ := b.Send(scripted(http.MethodGet, "/myapp/guarded", "Referer: "+referer)).JSON(t)["login_url"].(string)
			htmx := b.Send(scripted(http.MethodGet, "/myapp/guarded", "HX-Request: true", "HX-Current-URL: "+referer)).Header.Get("HX-Redirect")
			for way, got := range map[string]string{"a form": target, "a script": login, "htmx": htmx} {
				to := query(t, got).Get("to")
				if !strings.HasPrefix(got, "/myapp/user/login") || to != want && to != "/myapp/"+want {
					t.Errorf("%s of %q: %q", way, referer, got)
				}
			}
			b.Jar = b.beside().Jar
		}
	}
}

func TestBasePath_HTMXSignsInAndOut(t *testing.T) {
	t.Parallel()
	inBothProxies(t, func(t *testing.T, b *browser) {
		t.Helper()
		htmx := func(method, path string) string {
			a := b.Send(scripted(method, path, "HX-Request: true", "HX-Boosted: true"))
			if a.StatusCode >= http.StatusBadRequest || a.Location() != "" {
				t.Errorf("%s: %d to %q", path, a.StatusCode, a.Location())
			}
			return a.Header.Get("HX-Redirect")
		}
		if got := htmx(http.MethodGet, "/myapp/user/login?to=%0d%0aX:1"); got != "/myapp/user/login?to=%0d%0aX:1" {
			t.Errorf("line breaks lead to %q", got)
		}
		login := htmx(http.MethodGet, "/myapp/user/login?to=%2Fmyapp%2Fguarded")
		if a := b.Send(b.answered(b.Navigate(login).Location(), adele)()); a.Location() != "/myapp/guarded" || b.Navigate("/myapp/guarded").Text != "page" {
			t.Errorf("%q leads to %q", login, a.Location())
		}
		if got := htmx(http.MethodGet, "/myapp/start?to=%2Fmyapp%2Fguarded"); !strings.HasPrefix(got, "/myapp/user/login?") {
			t.Errorf("a handler's sign-in leads to %q", got)
		}
		if got := htmx(http.MethodGet, "/myapp/leave?app=1&to=%2Fmyapp%2Fguarded"); got != "/myapp/guarded" {
			t.Errorf("a handler's sign-out leads to %q", got)
		}
		if got := query(t, htmx(http.MethodPost, "/myapp/user/logout")).Get("post_logout_redirect_uri"); got != publicURL+"/myapp/" {
			t.Errorf("signing out leads to %q", got)
		}
	})
}

// The way to PublicURL, and the page that reads the fragment, keep the base path.
func TestBasePath_OtherHostsAndFragments(t *testing.T) {
	t.Parallel()
	for _, strips := range []bool{true, false} {
		b := behindProxy(t, strips, keepFragment)
		at := b.Send(onHost("https", "www.app.example", "/myapp/user/login?to=%2Fmyapp%2Fguarded")).Location()
		if !strings.HasPrefix(at, publicURL+"/myapp/user/login?") {
			t.Fatalf("another host leads to %q", at)
		}
		next := b.readFragment(b.Navigate(strings.TrimPrefix(at, publicURL)), "#top")
		if a := b.Send(b.answered(b.Navigate(next).Location(), adele)()); a.Location() != "/myapp/guarded#top" {
			t.Errorf("it leads to %q", a.Location())
		}
	}
}
