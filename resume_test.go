package fibermsal_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
	"github.com/fibermsal/fibermsal/internal/figure"
)

// inBothModes runs a test for each response mode.
func inBothModes(t *testing.T, test func(t *testing.T, b *browser)) {
	t.Helper()
	for _, mode := range []fibermsal.ResponseMode{fibermsal.ResponseModeFormPost, fibermsal.ResponseModeQuery} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = mode })
			servePages(s)
			test(t, s.browser())
		})
	}
}

// servePages serves pages for signed-in users below /pages.
func servePages(s *site) {
	s.app.Get("/pages/*", fibermsal.Require(), func(c *fiber.Ctx) error { return c.SendString("page") })
}

// lands follows redirects within the app, and signs in at Entra as often as necessary.
func (b *browser) lands(a *answer, login string) (path string, signIns int) {
	b.t.Helper()
	for range 12 {
		location := a.Location()
		switch {
		case location == "":
			b.t.Fatalf("%d %s\n%s", a.StatusCode, a.Text, b.log)
		case strings.HasPrefix(location, "/user/"):
			a = b.Navigate(location)
		case strings.HasPrefix(location, "/"):
			return location, signIns
		default:
			signIns++
			a = b.Send(b.approve(location, login).Request())
		}
	}
	b.t.Fatal("it never ends")
	return "", 0
}

// noise is text that no compression shortens much.
func noise(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw)
	return base64.RawURLEncoding.EncodeToString(raw)[:n]
}

func TestResume_RepeatedResponseLeadsToThePage(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, b *browser) {
		t.Helper()
		response := b.approve(b.start("/pages/x?y=1"), adele)
		b.Send(response.Request())
		session := b.session()
		for name, where := range map[string]string{"back button": "/pages/x?y=1", "reload": "/pages/x?y=1"} {
			a := b.Send(response.Request())
			b.assertResumed(a, where, "no_flow")
			if path, signIns := b.lands(a, adele); path != where || signIns != 0 || b.session() != session {
				t.Errorf("%s: it leads to %s after %d sign-ins", name, path, signIns)
			}
		}
		if n := b.idp.Count(entratest.Token); n != 1 {
			t.Errorf("%d token calls", n)
		}
		b.PostForm("/user/logout", nil)
		if path, signIns := b.lands(b.Send(response.Request()), adele); path != "/pages/x?y=1" || signIns != 1 || b.user() != adele {
			t.Errorf("after the sign-out: it leads to %s after %d sign-ins", path, signIns)
		}
	})
}

func TestResume_LateResponseLeadsToThePage(t *testing.T) {
	for name, late := range map[string]time.Duration{"eleven minutes": 11 * time.Minute, "a day": 24 * time.Hour, "a code that has expired": 9 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newSite(t, newIDP(t)).browser()
				servePages(b.site)
				authorize := b.start("/pages/x")
				if late < 10*time.Minute {
					time.Sleep(30 * time.Second)
				}
				response := b.approve(authorize, adele)
				time.Sleep(late)
				b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Status: 400, Body: `{"error":"invalid_grant","error_codes":[70008]}`})
				if late > 10*time.Minute {
					b.idp.ClearFaults()
				}
				if path, signIns := b.lands(b.Send(response.Request()), adele); path != "/pages/x" || signIns != 1 || b.user() != adele {
					t.Errorf("it leads to %s after %d sign-ins\n%s", path, signIns, b.log)
				}
			})
		})
	}
}

func TestResume_ManyTabsAtOnceAllReturnToTheirPages(t *testing.T) {
	t.Parallel()
	for _, together := range []bool{true, false} {
		for _, size := range []int{10, 900, 1100} {
			t.Run(fmt.Sprintf("together %v, %d bytes", together, size), func(t *testing.T) {
				t.Parallel()
				b := newSite(t, newIDP(t)).browser()
				servePages(b.site)
				testTabs(t, b, together, size)
			})
		}
	}
}

// testTabs opens 20 tabs. If they are opened together, none of them has a cookie that another one has
// received.
func testTabs(t *testing.T, b *browser, together bool, size int) {
	t.Helper()
	pages, authorize := map[int]string{}, map[int]string{}
	for i := range 20 {
		pages[i] = fmt.Sprintf("/pages/%d?q=%s", i, noise(size))
		tab := b
		if together {
			tab = b.browser()
		}
		authorize[i] = tab.Navigate(tab.Navigate(pages[i]).Location()).Location()
		for name, c := range tab.Jar {
			b.Jar[name] = c
		}
	}
	for i := range authorize { // in any order
		if path, signIns := b.lands(b.Send(b.approve(authorize[i], adele).Request()), adele); path != pages[i] || signIns > 1 {
			t.Errorf("tab %d leads to %.30s after %d more sign-ins", i, path, signIns)
		}
	}
	if b.user() != adele {
		t.Error("nobody is signed in")
	}
}

func TestD15_AnyNumberOfAttemptsCostsTheSame(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	servePages(b.site)
	size := func(path string) (n int) {
		for name, c := range b.Jar {
			if strings.HasPrefix(path, c.Path) {
				n += len(name) + len(c.Value) + len("=; ")
			}
		}
		return n
	}
	costs := map[int][2]int{}
	for i := range 100 {
		b.start("/pages/" + noise(2000))
		if n := i + 1; n == 1 || n == 10 || n == 100 {
			costs[n] = [2]int{size("/"), size("/user/login")}
		}
	}
	t.Log("bytes of cookies of pages and of routes:", costs)
	figure.Report(t, figure.Figure{
		Row: "D15", Name: "bytes of cookies of pages and of routes, after 1 and after 100 attempts",
		Value: fmt.Sprintf("%d and %d, %d and %d", costs[1][0], costs[1][1], costs[100][0], costs[100][1]),
	})
	for n, cost := range costs {
		if cost[0] > 500 || cost[1] > 12_000 {
			t.Errorf("%d attempts: %v bytes", n, cost)
		}
	}
	long := "/pages/" + noise(2000)
	if path, _ := b.lands(b.Send(b.approve(b.start(long), adele).Request()), adele); path != long {
		t.Errorf("the last one leads to %.30s", path)
	}
}

func TestResume_ResponseInABrowserThatDidNotBegin(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, b *browser) {
		t.Helper()
		// An Office program follows the redirects of a link without the browser's cookies, and then
		// opens the last address in the browser.
		program := b.browser()
		authorize := program.Navigate(program.Navigate("/pages/x").Location()).Location()
		a := b.Send(b.approve(authorize, adele).Request())
		b.assertResumed(a, "/pages/x", "no_flow")
		if path, signIns := b.lands(a, adele); path != "/pages/x" || signIns != 1 || b.user() != adele || program.session() != "" {
			t.Errorf("it leads to %s after %d sign-ins", path, signIns)
		}
		// Now the browser has a session.
		authorize = program.Navigate(program.Navigate("/pages/y").Location()).Location()
		if path, signIns := b.lands(b.Send(b.approve(authorize, alex).Request()), adele); path != "/pages/y" || signIns != 0 || b.user() != adele {
			t.Errorf("it leads to %s after %d sign-ins, and %s is signed in", path, signIns, b.user())
		}
	})
}

func TestResume_RefusalIsShownEvenIfItIsLate(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, b *browser) {
		t.Helper()
		for name, tab := range map[string]*browser{"in time": b, "in another browser": b.browser()} {
			state := query(t, b.start("/pages/x")).Get("state")
			form := url.Values{"state": {state}, "error": {"access_denied"}, "error_description": {"AADSTS65004: declined"}}.Encode()
			r := callback(form)
			if b.mode() == "query" {
				r = navigation(http.MethodGet, "/user/authorized?"+form)
			}
			a := tab.Send(r)
			if a.StatusCode != http.StatusBadRequest || !strings.Contains(a.Text, `href="/user/login?to=%2Fpages%2Fx"`) {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
			}
		}
	})
}

// mode is the response mode of the site.
func (b *browser) mode() string { return query(b.t, b.start("")).Get("response_mode") }

func TestResume_PathsAreKeptAsTheyAre(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	servePages(b.site)
	for _, path := range []string{
		"/pages/files/a//b", "/pages/proxy/https://example.com/x", "/pages/a%5Cb", "/pages/a%2Fb", "/pages/?next=//evil.example", "/pages/ä",
		"/pages/x?q=" + noise(3000), "/pages/x?" + strings.Repeat("a=1&", 800), "/pages/%E2%82%AC?x=%25",
	} {
		want := path
		if path == "/pages/ä" {
			want = "/pages/%C3%A4"
		}
		if got, _ := b.lands(b.Navigate(path), adele); got != want {
			t.Errorf("%.40s leads to %.40s", path, got)
		}
		b.Jar = browsertest.Jar{}
	}
}

func TestResume_RoutesAreNoPages(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	nested := "/user/login"
	for range 6 {
		nested = "/user/login?to=" + url.QueryEscape(nested)
	}
	for _, path := range []string{nested, "/user/login?to=/USER/Login/", "/user/login?to=/user/logout", "/user/login?to=/user/authorized", "/user/login?to=/user/%6Cogin", "/user/login?to=/user/frontchannel-logout"} {
		if got, signIns := b.lands(b.Navigate(path), adele); got != "/" || signIns != 1 {
			t.Errorf("%.60s leads to %s after %d sign-ins", path, got, signIns)
		}
	}
	authorize := b.Navigate("/user/login?to=/user/profile").Location()
	if got := b.Send(b.approve(authorize, adele).Request()).Location(); got != "/user/profile" {
		t.Errorf("a page of the app's below the prefix: %s", got)
	}
}

func TestD4_CookiesOfOtherAppsAreLeftAlone(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.CookieName = "portal" }).browser()
	others := []string{"__Host-portal-checkout", "__Host-portal-12345678", "__Secure-portal-12345678-1", "__Secure-portal-checkout"}
	for _, name := range others {
		b.Jar[name] = &http.Cookie{Name: name, Value: strings.Repeat("theirs", 100), Path: "/", Secure: true, SameSite: http.SameSiteLaxMode}
	}
	b.Send(b.approve(b.start("/"+noise(2000)), adele).Request())
	b.PostForm("/user/logout", nil)
	for _, name := range others {
		if b.Jar[name] == nil {
			t.Errorf("%s was removed", name)
		}
	}
}
