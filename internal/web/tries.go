package web

import (
	"net/http"
	"time"

	"github.com/fibermsal/fibermsal/internal/flow"
)

// triesOf returns the sign-ins that pages have recently required in this browser. The middleware and a
// route both set the cookie, and another middleware between them may encrypt cookies.
func (v *Visit) triesOf(in *Request) flow.Tries {
	now := time.Now()
	if tries := v.Site.Jar.OpenTries(v.Tries, now); !tries.IsEmpty() {
		return tries
	}
	value, ok := in.Cookie(v.Site.Jar.TriesName())
	if !ok {
		return flow.Tries{}
	}
	return v.Site.Jar.OpenTries(value, now)
}

// triesCookie stores tries in the browser. It has the attributes of an attempt's cookie.
func (s *Site) triesCookie(tries flow.Tries) *http.Cookie {
	cookie, err := s.Jar.SealTries(tries)
	if err != nil || tries.IsEmpty() {
		return s.expired(s.Jar.TriesName(), s.flowSameSite())
	}
	return s.cookie(cookie.Name, cookie.Value, s.flowSameSite(), flow.TriesLifetime)
}

// forgetTries removes the sign-ins for a page that the user has now seen. A redirect does not count,
// because it may be part of a loop.
func (v *Visit) forgetTries(status int) {
	if v.session == nil || v.isAPI() || v.ownRoute || v.Tries == "" ||
		(status >= http.StatusMultipleChoices && status != http.StatusNotModified) {
		return
	}
	in := v.Exchange.Request()
	tries, page := v.triesOf(in), flow.DestinationOf(in.pathAndQuery())
	anyQuery := page.WithoutQuery()
	if (in.Method == http.MethodGet || in.isByHTMX()) && (tries.Has(page) || tries.Has(anyQuery)) {
		v.Exchange.SetCookie(v.Site.triesCookie(tries.Without(page).Without(anyQuery)))
	}
}
