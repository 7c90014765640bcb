package web

import (
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/flow"
)

// triesOf returns the sign-ins that pages have recently required in this browser.
func (s *Site) triesOf(in *Request) flow.Tries {
	value, ok := in.Cookie(s.Jar.TriesName())
	if !ok {
		return flow.Tries{}
	}
	return s.Jar.OpenTries(value, time.Now())
}

// triesCookie stores tries in the browser. It has the attributes of an attempt's cookie.
func (s *Site) triesCookie(tries flow.Tries) *http.Cookie {
	cookie, err := s.Jar.SealTries(tries)
	if err != nil || tries.IsEmpty() {
		return s.expired(s.Jar.TriesName(), s.flowSameSite())
	}
	return s.cookie(cookie.Name, cookie.Value, s.flowSameSite(), flow.TriesLifetime)
}

// forgetTries forgets the sign-ins that led to a page which its user has now seen. A redirect
// does not count, because it may be part of a loop.
func (v *Visit) forgetTries(status int) {
	if v.session == nil || v.ownRoute || !v.Exchange.HasCookie(v.Site.Jar.TriesName()) ||
		(status >= http.StatusMultipleChoices && status != http.StatusNotModified) {
		return
	}
	in := v.Exchange.Request()
	tries, page := v.Site.triesOf(in), flow.DestinationOf(in.pathAndQuery())
	if (in.Method == http.MethodGet || in.isByHTMX()) && tries.Has(page) {
		v.Exchange.SetCookie(v.Site.triesCookie(tries.Without(page)))
	}
}
