package e2e

import (
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/fibermsal/fibermsal/internal/redistest"
)

// axeSource returns the script of axe-core. It skips the test where npm has not installed it.
func axeSource(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("axe", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		redistest.Missing(t, "axe-core")
	}
	return string(source)
}

// finding is a violation of a rule of axe-core, by the HTML of the elements.
type finding struct {
	Rule, Help string
	Elements   []string
}

// axe returns what axe-core finds on the page by all of its rules, those for good practice included.
func (p *tab) axe(source string, except ...string) (findings []finding) {
	p.t.Helper()
	p.eval(source+"; undefined", nil)
	const script = `axe.run(document, {preload: false}).then(r => JSON.stringify(r.violations.map(v =>
		({Rule: v.id, Help: v.help, Elements: v.nodes.map(n => n.html)}))))`
	var result string
	p.do("running axe-core", chromedp.Evaluate(script, &result, func(e *runtime.EvaluateParams) *runtime.EvaluateParams {
		return e.WithAwaitPromise(true)
	}))
	if err := json.Unmarshal([]byte(result), &findings); err != nil {
		p.t.Fatalf("%v\n%s", err, result)
	}
	return slices.DeleteFunc(findings, func(f finding) bool { return slices.Contains(except, f.Rule) })
}

// An appearance is how a user sees a page.
type appearance struct {
	name          string
	dark          bool
	width, height int64
	rightToLeft   bool
}

var appearances = []appearance{
	{name: "light", width: 1024, height: 700},
	{name: "dark", dark: true, width: 1024, height: 700},
	{name: "narrow", width: 320, height: 640},
	{name: "narrow-dark", dark: true, width: 320, height: 640},
	{name: "rtl", width: 1024, height: 700, rightToLeft: true},
	{name: "narrow-rtl", width: 320, height: 640, rightToLeft: true},
}

// appear changes how the page is seen.
func (p *tab) appear(a appearance) {
	p.t.Helper()
	scheme, direction := "light", "ltr"
	if a.dark {
		scheme = "dark"
	}
	if a.rightToLeft {
		direction = "rtl"
	}
	p.do("appearing "+a.name,
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}),
		emulation.SetDeviceMetricsOverride(a.width, a.height, 1, false))
	p.eval(`document.documentElement.dir = "`+direction+`"`, nil)
}

// checkAppearances looks at the page in every appearance.
func (p *tab) checkAppearances(name, source string, except ...string) {
	p.t.Helper()
	for _, a := range appearances {
		p.appear(a)
		for _, f := range p.axe(source, except...) {
			p.t.Errorf("%s, %s: %s: %s\n%s", name, a.name, f.Rule, f.Help, strings.Join(f.Elements, "\n"))
		}
		p.checkFits(name + ", " + a.name)
		p.capture(name+"-"+a.name, chromedp.CaptureScreenshot) // of the window
	}
}

// checkFits checks that nothing of the page is beside the window, on either side, and that its content is
// in the middle.
func (p *tab) checkFits(name string) {
	p.t.Helper()
	var at struct{ Start, End, Overflow float64 }
	p.eval(`(() => {
		const box = document.querySelector("main").getBoundingClientRect(), root = document.documentElement;
		return {Start: box.left, End: root.clientWidth - box.right, Overflow: root.scrollWidth - root.clientWidth};
	})()`, &at)
	if at.Overflow > 0 || at.Start < 0 || math.Abs(at.Start-at.End) > 1 {
		p.t.Errorf("%s: the page does not fit: %+v", name, at)
	}
}

// A check that finds nothing anywhere would pass every page.
func TestAxe_FindsFaults(t *testing.T) {
	t.Parallel()
	source := axeSource(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!DOCTYPE html><link rel="icon" href="data:,"><p style="color: #ccc; background: #fff">pale</p><img src="data:,"><button></button>`))
	}))
	defer server.Close()
	p := newChromium(t, site{}).tab()
	p.open(server.URL)
	var rules []string
	for _, f := range p.axe(source) {
		rules = append(rules, f.Rule)
	}
	for _, want := range []string{"button-name", "color-contrast", "document-title", "html-has-lang", "image-alt", "landmark-one-main"} {
		if !slices.Contains(rules, want) {
			t.Errorf("%s was not found, only %v", want, rules)
		}
	}
}
