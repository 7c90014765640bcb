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

// NewBrowser makes a browser without a session.
func (s *browsing) NewBrowser() *Browser {
	return &Browser{agent: useragent.New(s.transport), origins: s.origins}
}

// SignIn is [Browser.SignIn] in a browser without a session.
func (s *browsing) SignIn(authorizeURL, login string) (*Response, error) {
	return s.NewBrowser().SignIn(authorizeURL, login)
}

// Cancel is [Browser.Cancel] in a browser without a session.
func (s *browsing) Cancel(authorizeURL string) (*Response, error) {
	return s.NewBrowser().Cancel(authorizeURL)
}

// Decline is [Browser.Decline] in a browser without a session.
func (s *browsing) Decline(authorizeURL, login string) (*Response, error) {
	return s.NewBrowser().Decline(authorizeURL, login)
}
