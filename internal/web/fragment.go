package web

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the page
	"encoding/base64"
	"html/template"
	"net/url"
)

// Browsers do not send the fragment of a URL, but keep it across redirects, so that the login route
// has the one of the page from which they come. Only a script can read it. The page that has the
// script is the only one of the library with any, and only with Config.KeepFragment. It contains
// nothing from a request but known parameters (threat A10). Where another policy forbids the script,
// the browser goes on after a second, without the fragment.
var (
	//go:embed fragment.html
	fragmentSource string
	//go:embed fragment.js
	fragmentScript string

	fragmentPage = template.Must(template.New("fragment").Parse(fragmentSource))
	fragmentHash = sha256.Sum256([]byte(fragmentScript))
)

// FragmentParameter is set in the login URL if the fragment has been read.
const FragmentParameter = "fragment"

// askForFragment answers with the page that reads the fragment and goes on, and reports whether a
// browser has to do that before the sign-in starts.
func (h *routeHandler) askForFragment() bool {
	if !h.KeepFragment || !h.in.isOpened() || h.in.query(FragmentParameter) != "" {
		return false
	}
	query := url.Values{FragmentParameter: {"read"}}
	for _, name := range []string{toParameter, pageParameter, requirementsParameter, resumeParameter} {
		if value := h.in.query(name); value != "" {
			query.Set(name, value)
		}
	}
	var body bytes.Buffer
	err := fragmentPage.Execute(&body, struct {
		Next, Home string
		Script     template.JS
	}{h.routeURL(LoginPath) + "?" + encoded(query), h.homeURL(), template.JS(fragmentScript)}) //nolint:gosec // our own file
	if err != nil {
		panic(err) // strings
	}
	h.out.Header.Set("Content-Security-Policy", "default-src 'none'; img-src data:; script-src 'sha256-"+
		base64.StdEncoding.EncodeToString(fragmentHash[:])+"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.out.Header.Set("Content-Type", "text/html; charset=utf-8")
	h.out.Body = body.Bytes()
	return true
}
