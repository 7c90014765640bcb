package entratest

import (
	"fmt"
	"net/http"
	"net/url"
)

// SignedOut describes what a browser does after signing out.
type SignedOut struct {
	// Frames are the requests of the page's hidden frames to the apps: front-channel requests without cookies.
	Frames []*http.Request
	// Target is the URL to which the browser goes afterwards. It is empty if the browser stays on the
	// page.
	Target string
}

// SignOut opens a logout URL, selects the account of login if a page asks, and returns what the browser
// would do next. It does not send these requests.
func (b *Browser) SignOut(logoutURL, login string) (*SignedOut, error) {
	start, err := url.Parse(logoutURL)
	if err != nil {
		return nil, fmt.Errorf("entratest: the logout URL: %w", err)
	}
	page, err := b.agent.Load(http.MethodGet, start, nil)
	if err == nil && page.Name() == "pick-logout" {
		form := page.Fields()
		form.Set("user", login)
		page, err = b.agent.Load(http.MethodPost, start, form)
	}
	if err != nil {
		return nil, err
	}
	if page.Name() == "error" {
		return nil, newPageError(page)
	}
	out := &SignedOut{Target: page.Next()}
	for _, address := range page.Frames() {
		out.Frames = append(out.Frames, frameRequest(address, b.origins.Browser))
	}
	return out, nil
}

// frameRequest is the request of a hidden frame of another site.
func frameRequest(target, origin string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, target, http.NoBody) //nolint:noctx // the caller sends it
	if err != nil {
		panic("entratest: " + err.Error()) // made of a URL that New has checked
	}
	r.Header.Set("Referer", origin+"/")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "iframe")
	return r
}
