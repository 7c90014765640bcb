package web

import (
	"net/url"

	"github.com/fibermsal/fibermsal/internal/markup"
	"github.com/fibermsal/fibermsal/internal/phrases"
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
	l := h.in.language()
	h.out.inLanguage(l.Tag)
	h.out.html(fragmentPage(l, h.routeURL(LoginPath)+"?"+encoded(query), h.homeURL()), "script-src "+scriptSource+"; form-action 'none'")
	return true
}

// fragmentPage returns the page that goes on to a URL.
func fragmentPage(l *phrases.Language, next, home string) []byte {
	w := &markup.Writer{}
	beginPage(w, l, phrases.SignInTitle)
	w.Markup(`<meta http-equiv="refresh"`)
	w.Refresh("1", next)
	w.Markup(">\n")
	beginMain(w, l.Text(phrases.SignInTitle))
	w.Markup(`<p><a id="next"`)
	w.URL("href", next)
	w.Data("home", home)
	w.Markup(">")
	w.Text(l.Text(phrases.SignInButton))
	w.Markup("</a></p>\n")
	w.Embed("script", files, scriptFile)
	w.Markup("\n")
	endPage(w)
	return w.Bytes()
}
