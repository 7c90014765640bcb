package web

import (
	"net/url"

	"github.com/fibermsal/fibermsal/internal/markup"
	"github.com/fibermsal/fibermsal/internal/phrases"
)

// Browsers do not send the fragment of a URL, but keep it across redirects, so at the login route it is
// still that of the page from which they were redirected. Only a script can read it. The page with that
// script is the library's only page with a script, and is only shown with Config.KeepFragment. It
// contains nothing from a request except known parameters (threat A10). If another policy forbids the
// script, the browser continues after a second without the fragment.

// FragmentParameter is a parameter of the login URL that is set after the fragment has been read.
const FragmentParameter = "fragment"

// askForFragment responds with the page that reads the fragment and continues. It reports whether a
// browser has to load that page before the sign-in starts.
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

// fragmentPage returns the page that reads the fragment and continues to a URL.
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
