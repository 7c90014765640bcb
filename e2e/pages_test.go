package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// pageLanguages are those of the library's pages.
var pageLanguages = []string{"en", "de", "fr", "es", "pt-BR", "ja", "zh-Hans"}

// pagesApp is an app that shows all of the library's pages.
type pagesApp struct {
	t       *testing.T
	url     string
	consent string // the answer of an administrator's consent, without its origin
	other   *httptest.Server
}

func newPagesApp(t *testing.T) *pagesApp {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &pagesApp{t: t, url: "http://app.localhost:" + portOf(socket)}
	idp := entratest.New(entratest.WithRedirectURI(p.url + "/user/authorized"))
	t.Cleanup(func() { _ = idp.Close() })
	auth, err := fibermsal.Open(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority, GraphURL: idp.GraphURL,
		HTTPClient: idp.HTTPClient, PublicURL: p.url, KeepFragment: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	p.consent = consentAnswer(t, auth, idp, p.url+"/user/authorized")

	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10, DisableStartupMessage: true})
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)
	for path, answer := range pageErrors {
		app.Get(path, func(*fiber.Ctx) error { return answer })
	}
	app.Get("/guarded", fibermsal.Require())
	go func() { _ = app.Listener(socket) }()
	t.Cleanup(func() { _ = app.ShutdownWithTimeout(time.Second); _ = auth.Close() })
	p.serveOther()
	return p
}

// pageErrors are what the app's handlers return. The others of the library lead to a sign-in.
var pageErrors = map[string]error{
	"/forbidden":     fibermsal.ErrForbidden,
	"/unavailable":   fibermsal.ErrUnavailable,
	"/misconfigured": fibermsal.ErrMisconfigured,
}

// consentAnswer returns the path and query by which an administrator comes back.
func consentAnswer(t *testing.T, auth *fibermsal.Auth, idp *entratest.Server, redirectURI string) string {
	t.Helper()
	address, err := auth.AdminConsentURL("contoso.com", redirectURI)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return "/user/authorized?" + url.Values{"admin_consent": {"True"}, "tenant": {idp.TenantID}, "state": {u.Query().Get("state")}}.Encode()
}

// serveOther serves another site: pages that lead to the app, and pages of the app that would go on at
// once, whose target is replaced by one that lets the browser stay.
func (p *pagesApp) serveOther() {
	p.other = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		switch r.URL.Path {
		case "/stay":
			w.WriteHeader(http.StatusNoContent)
		case "/continue":
			_, _ = io.WriteString(w, p.pausing("/user/login?fragment=read&to="+url.QueryEscape("/x?"+longText())))
		case "/fragment":
			_, _ = io.WriteString(w, p.pausing("/user/login?to=%2Fguarded"))
		default:
			_, _ = io.WriteString(w, `<!DOCTYPE html><link rel="icon" href="data:,">`)
		}
	}))
	p.t.Cleanup(p.other.Close)
}

// longText returns text that cannot be compressed, with which a header would be too long for proxies.
func longText() string {
	random := make([]byte, 1800)
	_, _ = rand.Read(random) // never fails
	return base64.RawURLEncoding.EncodeToString(random)
}

var goesOn = regexp.MustCompile(`(;url=|href=")(/|http)[^"]+`)

// pausing returns a page of the app that does not go on.
func (p *pagesApp) pausing(path string) string {
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, strings.Replace(p.url, "app.localhost", "127.0.0.1", 1)+path, nil)
	if err != nil {
		return err.Error()
	}
	r.Host = strings.TrimPrefix(p.url, "http://")
	r.Header.Set("Accept", "text/html")
	client := &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	a, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = a.Body.Close() }()
	body, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK {
		return a.Status + string(body)
	}
	return goesOn.ReplaceAllString(string(body), "${1}/stay")
}

// question opens the question whether to sign out, which a link of another site leads to.
func (p *pagesApp) question(tab *tab) {
	tab.open(p.other.URL)
	tab.leave(func() { tab.eval(`void (location.href = "`+p.url+`/user/logout")`, nil) })
	tab.await(`document.querySelector("form")`)
}

// Every page of the library is readable and operable in all of its appearances, by axe-core and at 320
// pixels. FIBERMSAL_E2E_SCREENSHOTS names a directory for pictures.
func TestPages_AreAccessible(t *testing.T) {
	t.Parallel()
	source := axeSource(t)
	p := newPagesApp(t)
	tab := newChromium(t, site{}).tab()
	tab.expect(`Failed to load resource`) // the status of the page
	for _, path := range []string{"/forbidden", "/unavailable", "/misconfigured", "/user/authorized"} {
		tab.open(p.url + path)
		tab.await(`document.querySelector("small code")`)
		tab.checkAppearances(path, source)
	}
	tab.open(p.url + p.consent)
	tab.await(`document.querySelector("p bdi").innerText === "contoso.com"`)
	tab.checkAppearances("consent", source)
	p.question(tab)
	tab.checkAppearances("question", source)
	tab.open(p.other.URL + "/continue")
	tab.await(`document.querySelector("main a")`)
	tab.checkAppearances("continue", source)
	// A browser shows it for a second only if another policy forbids the script, and this then goes on
	// without it. It contains nothing to read.
	tab.open(p.other.URL + "/fragment")
	tab.await(`document.querySelector("#next")`)
	tab.checkAppearances("fragment", source, "meta-refresh")
}

// Words of another language may be longer, and browsers choose fonts by the language of the page.
func TestPages_AreAccessibleInEveryLanguage(t *testing.T) {
	t.Parallel()
	source := axeSource(t)
	p := newPagesApp(t)
	tab := newChromium(t, site{}).tab()
	tab.expect(`Failed to load resource`)
	for _, language := range pageLanguages {
		tab.do("reading "+language, network.Enable(), network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": language + ",en;q=0.1"}))
		for path, ready := range map[string]string{"/forbidden": "small code", p.consent: "p bdi"} {
			tab.open(p.url + path)
			tab.await(`document.documentElement.lang === "` + language + `" && document.querySelector("` + ready + `")`)
			tab.checkAppearances(strings.Split(path, "?")[0]+"-"+language, source)
		}
		p.question(tab)
		tab.await(`document.documentElement.lang === "` + language + `"`)
		tab.checkAppearances("question-"+language, source)
	}
}
