package web

import (
	"net/url"

	"github.com/fibermsal/fibermsal/internal/markup"
)

// Browsers do not send the fragment of a URL, but keep it across redirects, so that the login route
// has the one of the page from which they come. Only a script can read it. The page that has the
// script is the only one of the library with any, and only with Config.KeepFragment. It contains
// nothing from a request but known parameters (threat A10). Where another policy forbids the script,
// the browser goes on after a second, without the fragment.

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
	h.out.Header.Set("Content-Security-Policy", "default-src 'none'; img-src data:; script-src "+scriptSource+
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.out.Header.Set("Content-Type", "text/html; charset=utf-8")
	h.out.Body = fragmentPage(h.routeURL(LoginPath)+"?"+encoded(query), h.homeURL())
	return true
}

// fragmentPage returns the page that goes on to a URL.
func fragmentPage(next, home string) []byte {
	w := &markup.Writer{}
	w.Markup(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="robots" content="noindex">
<meta http-equiv="refresh"`)
	w.Refresh("1", next)
	w.Markup(`>
<link rel="icon" href="data:,">
<title>Sign-in</title>
</head>
<body>
<p><a id="next"`)
	w.URL("href", next)
	w.Data("home", home)
	w.Markup(">Sign in</a></p>\n")
	w.Embed("script", files, scriptFile)
	w.Markup("\n</body>\n</html>\n")
	return w.Bytes()
}
