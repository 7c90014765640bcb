package web

import (
	"net/url"
	"strings"
)

// HasOtherHost reports whether a browser visits the app under another host than that of PublicURL, such
// as 127.0.0.1 instead of localhost, or www.app.example. Cookies belong to a host, so a sign-in that
// begins there fails when Entra's response arrives at PublicURL. A proxy may change Host and send the
// original in X-Forwarded-Host. Anyone can forge both, so they are only compared and never become part
// of a URL (threat C5).
func (s *Site) HasOtherHost(r *Request) bool {
	own, err := url.Parse(s.Origin)
	if err != nil || r.Host == "" {
		return false
	}
	return !sameHost(own, r.Host) && !sameHost(own, r.forwardedHost())
}

// isOpenedElsewhere reports whether a browser opens a route in a window under another host. Sign-ins
// and sessions belong to PublicURL, so the browser has no session there.
func (s *Site) isOpenedElsewhere(r *Request) bool {
	_, signedIn := s.presentSession(r)
	return !signedIn && r.isOpened() && s.HasOtherHost(r)
}

// forwardedHost returns the host that the browser requested from the first proxy.
func (r *Request) forwardedHost() string {
	host, _, _ := strings.Cut(r.Header("X-Forwarded-Host"), ",")
	return strings.TrimSpace(host)
}

// isOpened reports whether a browser opens the request in a window. It is stricter than isNavigation,
// because programs should not be redirected to another host. Browsers send either all Fetch Metadata
// headers or, to unencrypted origins, none.
func (r *Request) isOpened() bool {
	return r.isNavigation() && (r.Header("Sec-Fetch-Mode") != "" || r.Header("Sec-Fetch-Site") == "")
}

func sameHost(own *url.URL, host string) bool {
	return strings.EqualFold(own.Scheme+"://"+own.Host, originOf(own.Scheme+"://"+host))
}
