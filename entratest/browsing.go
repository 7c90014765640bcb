package entratest

import (
	"net/http"

	"github.com/fibermsal/fibermsal/entratest/internal/origins"
	"github.com/fibermsal/fibermsal/entratest/internal/useragent"
)

// browsing signs users in without a browser.
type browsing struct {
	transport http.RoundTripper
	origins   *origins.Origins
}

// NewBrowser returns a browser without a session.
func (s *browsing) NewBrowser() *Browser {
	return &Browser{agent: useragent.New(s.transport), origins: s.origins}
}

// SignIn calls [Browser.SignIn] in a new browser.
func (s *browsing) SignIn(authorizeURL, login string) (*Response, error) {
	return s.NewBrowser().SignIn(authorizeURL, login)
}

// Cancel calls [Browser.Cancel] in a new browser.
func (s *browsing) Cancel(authorizeURL string) (*Response, error) {
	return s.NewBrowser().Cancel(authorizeURL)
}

// Decline calls [Browser.Decline] in a new browser.
func (s *browsing) Decline(authorizeURL, login string) (*Response, error) {
	return s.NewBrowser().Decline(authorizeURL, login)
}
