package fibermsal_test

import (
	"html"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
	"github.com/fibermsal/fibermsal/internal/storedtest"
)

// storedKey is the key that versions use for the stored test data.
const storedKey = "golden key of the stored formats"

var (
	// longPage requires a sign-in again and again, and its path is too long to return to.
	longPage = "/challenge?q=" + strings.Repeat("x", 1100)
	// longestPage is too long even for the login URL.
	longestPage = "/challenge?q=" + strings.Repeat("x", 2100)
)

// newStoredSite makes a site for sign-ins in a response mode.
func newStoredSite(t *testing.T, mode string, l *ledger) *site {
	t.Helper()
	s := newInteractiveSite(t, newIDP(t, entratest.WithScopes(otherAPI)), func(cfg *fibermsal.Config) {
		cfg.Storage, cfg.Keys = l, [][]byte{[]byte(storedKey)}
		cfg.ResponseMode = fibermsal.ResponseMode(mode)
	})
	s.routeBroken()
	s.app.Get("/start", func(*fiber.Ctx) error {
		return fibermsal.StartSignIn(fibermsal.SignInOptions{
			Scopes: []string{"Mail.Read"}, LoginHint: alex, DomainHint: "contoso.com", Prompt: fibermsal.PromptLogin,
			Parameters: map[string]string{"ui_locales": "de"}, To: "/guarded",
		})
	})
	return s
}

// recorder begins sign-ins and records what this version has sealed for them.
type recorder struct {
	*site
	jar  *flow.Jar
	into *storedtest.SignInMode
}

// jarOf opens what an app has sealed for a browser.
func jarOf(t *testing.T, idp *entratest.Server, mode string, keys ...[]byte) *flow.Jar {
	t.Helper()
	ring, err := sealed.NewRing(keys, "cookies")
	if err != nil {
		t.Fatal(err)
	}
	return flow.NewJar(ring, sessionCookie+"-", idp.ClientID, idp.Authority, redirectURI, mode)
}

// recordSignIns begins the sign-ins that a later version must complete.
func recordSignIns(t *testing.T, mode string) *storedtest.SignInMode {
	t.Helper()
	l := newLedger()
	s := newStoredSite(t, mode, l)
	r := &recorder{s, jarOf(t, s.idp, mode, []byte(storedKey)), &storedtest.SignInMode{}}
	r.recordStrangers()
	r.recordUsers()
	r.into.Records = maps.Clone(l.values)
	maps.DeleteFunc(r.into.Records, func(key string, _ []byte) bool { return !strings.HasSuffix(key, ":s") }) // no sign-in needs the old tokens
	return r.into
}

// recordStrangers records sign-ins in browsers without a session.
func (r *recorder) recordStrangers() {
	r.t.Helper()
	b := r.browser()
	r.add("path", b, "", b.start("/reports?x=1"))
	b = r.browser()
	r.add("claims, login", b, b.Navigate("/challenge").Location(), "")
	b = r.circling(longestPage)
	r.add("longest page, login", b, b.Navigate(longestPage).Location(), "")
	b = r.circling(longPage)
	r.add("long page", b, "", b.Navigate(b.Navigate(longPage).Location()).Location())
}

// circling returns a browser, without its session, that has completed two sign-ins for a page which
// requires a third one.
func (r *recorder) circling(page string) *browser {
	r.t.Helper()
	b := r.browser()
	for range 2 {
		b.Send(b.approve(b.Navigate(b.Navigate(page).Location()).Location(), adele).Request())
	}
	b.Jar = map[string]*http.Cookie{r.jar.TriesName(): b.Jar[r.jar.TriesName()]}
	return b
}

// recordUsers records sign-ins that replace a session.
func (r *recorder) recordUsers() {
	r.t.Helper()
	b := r.browser()
	b.signIn(adele)
	time.Sleep(10 * time.Minute) // too long ago for /max-age
	signedIn := maps.Clone(b.Jar)
	r.add("replaces", b, "", b.start("/guarded"))
	for _, page := range []string{"/scope", "/max-age", "/step-up", "/broken"} {
		b.Jar = maps.Clone(signedIn)
		login := b.Navigate(page).Location()
		r.add(page+", login", b, login, "")
		r.add(page, b, "", b.Navigate(login).Location())
	}
	b.Jar = maps.Clone(signedIn)
	login := b.Navigate("/start").Location()
	r.add("started by a handler, login", b, login, "")
	r.add("started by a handler", b, "", b.Navigate(login).Location())
	b.Jar = maps.Clone(signedIn)
	link := regexp.MustCompile(`href="(/user/login[^"]*)"`).FindStringSubmatch(b.Navigate("/role").Text)
	if link == nil {
		r.t.Fatal("the page has no link to sign in as another user")
	}
	r.add("another account, login", b, html.UnescapeString(link[1]), "")
}

// add records where a browser is, and what the version has sealed for it.
func (r *recorder) add(name string, b *browser, login, authorize string) {
	r.t.Helper()
	in := storedtest.SignIn{Name: name, At: time.Now().UTC(), LoginURL: login, AuthorizeURL: authorize, Cookies: map[string]string{}}
	for _, c := range b.Jar {
		in.Cookies[c.Name] = c.Value
	}
	in.Session, _ = record.SessionID(b.session())
	var required flow.Requirements
	if authorize != "" {
		browser := r.jar.OpenBrowser(in.Cookies[r.jar.BrowserName()])
		attempt, ok := r.jar.Open(state(r.t, authorize), browser, func(name string) (string, bool) { value, ok := in.Cookies[name]; return value, ok })
		if !ok || attempt.IsForeign() {
			r.t.Fatalf("%s: the attempt does not open", name)
		}
		in.Path, in.Page, in.Replaces, required = attempt.Destination().Path(), attempt.Destination().Page(), browser.Session(), attempt.Requirements()
	} else if ask := query(r.t, login).Get("ask"); ask != "" {
		var ok bool
		if required, ok = r.jar.OpenRequirements(ask, in.Session, time.Now()); !ok {
			r.t.Fatalf("%s: the requirements do not open", name)
		}
	}
	in.Requirements = storedtest.Fields(required)
	if tries, ok := in.Cookies[r.jar.TriesName()]; ok {
		in.Tried = map[string]bool{}
		for _, page := range []string{longPage, longestPage, "/challenge", "/scope", "/max-age", "/step-up", "/broken"} {
			if to, opened := flow.DestinationOf(page), r.jar.OpenTries(tries, time.Now()); opened.Has(to) {
				in.Tried[page] = opened.Exhausted(to)
			}
		}
	}
	r.into.SignIns = append(r.into.SignIns, in)
}
