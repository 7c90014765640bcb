package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// screenshotsEnv names a directory for pictures of what the browser saw.
const screenshotsEnv = "FIBERMSAL_E2E_SCREENSHOTS"

// browsers is the number of browsers that run at the same time, which is two for two cores.
var browsers = make(chan struct{}, 2)

// chromium is a running browser with a profile of its own.
type chromium struct {
	t   *testing.T
	ctx context.Context // chromedp keeps the browser in it
}

// chromiumPath skips the test where there is no browser.
func chromiumPath(t *testing.T) string {
	t.Helper()
	return redistest.Program(t, "chromium", "chromium-browser", "google-chrome")
}

// newChromium starts a browser that trusts the site's certificate and no other self-signed one.
func newChromium(t *testing.T, s site) *chromium {
	t.Helper()
	path := chromiumPath(t)
	browsers <- struct{}{}
	t.Cleanup(func() { <-browsers })

	// Not t.TempDir: children of Chromium write into it for a moment after its end.
	profile, err := os.MkdirTemp(scratch, "chromium-") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	// chromedp's default options are not used, because they disable site isolation.
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.NoFirstRun, chromedp.DisableGPU,
		chromedp.UserDataDir(profile), chromedp.Flag("headless", "new"), chromedp.WindowSize(1200, 900), chromedp.WSURLReadTimeout(patience),
		// The certificate is accepted over TCP only, and background requests of the browser are
		// disabled.
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("password-store", "basic"), chromedp.Flag("use-mock-keychain", true),
	}
	if s.cert != nil {
		options = append(options, chromedp.Flag("ignore-certificate-errors-spki-list", s.cert.spki))
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	// The first tab stays empty and keeps the browser alive.
	ctx, cancel := chromedp.NewContext(allocator, chromedp.WithErrorf(ignoreNews))
	t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("starting %s: %v", path, err)
	}
	return &chromium{t: t, ctx: ctx}
}

// ignoreNews drops chromedp's messages about unknown events of newer browsers.
func ignoreNews(string, ...any) {}

// tab is a page of a browser. Errors in the developer console fail the test, such as script errors,
// violations of a content security policy, and pictures and styles that fail to load.
type tab struct {
	t       *testing.T
	browser *chromium
	ctx     context.Context // chromedp keeps the tab in it

	mu         sync.Mutex
	complaints []string
	expected   []*regexp.Regexp
}

func (b *chromium) tab() *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	p := &tab{t: b.t, browser: b, ctx: ctx}
	chromedp.ListenTarget(ctx, p.listen)
	b.t.Cleanup(func() {
		if b.t.Failed() {
			p.screenshot("failed")
		}
		cancel()
		for _, complaint := range p.unexpected() {
			b.t.Errorf("the browser's console: %s", complaint)
		}
	})
	if err := chromedp.Run(ctx); err != nil {
		b.t.Fatalf("opening a tab: %v", err)
	}
	return p
}

// listen runs in chromedp's goroutine, so it only records events.
func (p *tab) listen(event any) {
	var complaint string
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		complaint = e.ExceptionDetails.Error()
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeAssert {
			said := []string{fmt.Sprintf("console.%s:", e.Type)}
			for _, arg := range e.Args {
				said = append(said, string(arg.Value)+arg.Description)
			}
			complaint = strings.Join(said, " ")
		}
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.LevelError {
			where, _, _ := strings.Cut(e.Entry.URL, "?")
			complaint = fmt.Sprintf("%s: %s (%s)", e.Entry.Source, e.Entry.Text, where)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if complaint != "" && !slices.Contains(p.complaints, complaint) {
		p.complaints = append(p.complaints, complaint)
	}
}

// expect allows complaints that match.
func (p *tab) expect(pattern string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.expected = append(p.expected, regexp.MustCompile(pattern))
}

func (p *tab) unexpected() (complaints []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
next:
	for _, complaint := range p.complaints {
		for _, pattern := range p.expected {
			if pattern.MatchString(complaint) {
				continue next
			}
		}
		complaints = append(complaints, complaint)
	}
	return complaints
}

// do runs chromedp actions.
func (p *tab) do(what string, actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		p.t.Fatalf("%s: %v\nThe tab is at %s", what, err, p.describe())
	}
}

// open types a URL into the address bar.
func (p *tab) open(url string) {
	p.t.Helper()
	p.do("opening "+url, chromedp.Navigate(url))
}

// click waits for the element of an XPath and clicks it with the mouse. The page itself returns the
// position, because chromedp's own information is lost when the browser goes back to a cached page.
func (p *tab) click(xpath string) {
	p.t.Helper()
	find := fmt.Sprintf(`document.evaluate(%q, document, null, XPathResult.FIRST_ORDERED_NODE_TYPE).singleNodeValue`, xpath)
	p.await(find)
	var at struct{ X, Y float64 }
	p.eval(`(() => {
		const element = `+find+`;
		element.scrollIntoView({block: "center", behavior: "instant"});
		const box = element.getBoundingClientRect();
		return {X: box.x + box.width / 2, Y: box.y + box.height / 2};
	})()`, &at)
	p.do("clicking "+xpath, page.BringToFront(), chromedp.MouseClickXY(at.X, at.Y))
}

// leave runs an action that leads to another page, and waits for that page.
func (p *tab) leave(action func()) {
	p.t.Helper()
	p.eval(`window.left = false`, nil)
	action()
	p.await(`window.left === undefined`)
}

// reload presses F5, and back the arrow.
func (p *tab) reload() { p.t.Helper(); p.leave(func() { p.eval(`location.reload()`, nil) }) }
func (p *tab) back()   { p.t.Helper(); p.leave(func() { p.eval(`history.back()`, nil) }) }

// await waits until a page is loaded on which a JavaScript condition holds.
func (p *tab) await(condition string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	script := `document.readyState === "complete" && Boolean(` + condition + `)`
	for holds := false; ; {
		// An error means that the page is being replaced by the next one.
		if err := chromedp.Run(ctx, chromedp.Evaluate(script, &holds)); err == nil && holds {
			return
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("not in %v: %s\nThe tab is at %s", patience, condition, p.describe())
		case <-time.After(pollInterval):
		}
	}
}

// awaitText waits for a page of the site that shows all the texts.
func (p *tab) awaitText(origin string, texts ...string) {
	p.t.Helper()
	conditions := []string{fmt.Sprintf("location.origin === %q", origin)}
	for _, text := range texts {
		conditions = append(conditions, fmt.Sprintf("document.body.innerText.includes(%q)", text))
	}
	p.await(strings.Join(conditions, " && "))
}

// eval evaluates a script. result may be nil.
func (p *tab) eval(script string, result any) {
	p.t.Helper()
	p.do("evaluating "+script, chromedp.Evaluate(script, result))
}

// cookies are those that the browser sends to a URL, by name.
func (p *tab) cookies(url string) map[string]*network.Cookie {
	p.t.Helper()
	byName := make(map[string]*network.Cookie)
	p.do("reading cookies", chromedp.ActionFunc(func(ctx context.Context) error {
		cookies, err := network.GetCookies().WithURLs([]string{url}).Do(ctx)
		for _, c := range cookies {
			byName[c.Name] = c
		}
		return err
	}))
	return byName
}

// describe returns the address and the text of the tab, for failures.
func (p *tab) describe() string {
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	var shown string
	if err := chromedp.Run(ctx, chromedp.Evaluate(`location.href + "\n" + document.body.innerText`, &shown)); err != nil {
		return "(" + err.Error() + ")"
	}
	return shown
}

var notInFileNames = regexp.MustCompile(`[^A-Za-z0-9_\-]+`)

// screenshot saves a picture of the whole page, if a directory for pictures is set.
func (p *tab) screenshot(name string) {
	p.t.Helper()
	p.capture(name, func(png *[]byte) chromedp.Action { return chromedp.FullScreenshot(png, 100) })
}

// capture saves a picture that an action makes.
func (p *tab) capture(name string, take func(png *[]byte) chromedp.Action) {
	p.t.Helper()
	dir := os.Getenv(screenshotsEnv)
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	var png []byte
	err := chromedp.Run(ctx, page.BringToFront(), take(&png))
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err == nil {
		file := notInFileNames.ReplaceAllString(p.t.Name()+"-"+name, "_") + ".png"
		err = os.WriteFile(filepath.Join(dir, file), png, 0o644)
	}
	if err != nil {
		p.t.Logf("screenshot %s: %v", name, err)
	}
}

// The tests below rely on the console. A driver that does not receive its messages would accept
// everything.
func TestChromium_HearsTheConsole(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'self'; script-src 'nonce-x'")
		_, _ = w.Write([]byte(`<!DOCTYPE html><link rel="icon" href="data:,"><img src="/missing.png">
			<img src="http://elsewhere.localhost/"><script nonce="x">console.error("of the page"); throw new Error("thrown")</script>`))
	}))
	defer server.Close()
	p := newChromium(t, site{}).tab()
	p.open(server.URL)
	heard := func() string { return strings.Join(p.unexpected(), "\n") }
	for _, want := range []string{"missing.png", "Content Security Policy", "of the page", "thrown"} {
		for deadline := time.Now().Add(patience); !strings.Contains(heard(), want); time.Sleep(pollInterval) {
			if time.Now().After(deadline) {
				t.Fatalf("not heard: %s\nbut: %s", want, heard())
			}
		}
	}
	p.expect(`.`) // all of it is
}
