package browsertest

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Jar holds the cookies of one origin by their names. Tests may read and change it, to
// steal and to plant cookies.
//
// Cookies do not expire, and are removed only by the application. Otherwise a test would
// not notice an application that relies on browsers to remove them.
type Jar map[string]*http.Cookie

// Clone returns a jar with the same cookies.
func (j Jar) Clone() Jar {
	clone := make(Jar, len(j))
	for name, c := range j {
		clone[name] = c
	}
	return clone
}

// add adds those cookies to r that a browser sends with it (RFC 6265bis, 5.8.3), in
// the order of their names.
func (j Jar) add(r *http.Request, target *url.URL, anySite bool) {
	names := make([]string, 0, len(j))
	for name, c := range j {
		if (!c.Secure || trustworthy(target)) && pathMatches(target.Path, c.Path) && (anySite || sentAcrossSites(r, c)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		r.AddCookie(&http.Cookie{Name: name, Value: j[name].Value})
	}
}

// keep stores the cookies of an answer to r that a browser accepts (RFC 6265bis, 5.7),
// and removes those that the answer removes.
func (j Jar) keep(r *http.Request, target *url.URL, cookies []*http.Cookie, anySite bool) {
	for _, c := range cookies {
		old := j[c.Name]
		if isIgnored(target, c) || (!anySite && !setAcrossSites(r, c)) || (old != nil && old.Secure && !trustworthy(target)) {
			continue
		}
		if removed(c) {
			delete(j, c.Name)
		} else {
			j[c.Name] = c
		}
	}
}

// isIgnored reports whether browsers ignore a Set-Cookie because of its attributes.
func isIgnored(target *url.URL, c *http.Cookie) bool {
	name := strings.ToLower(c.Name)
	host := strings.HasPrefix(name, "__host-")
	if c.Secure {
		return !trustworthy(target) || (host && (c.Path != "/" || c.Domain != ""))
	}
	return host || strings.HasPrefix(name, "__secure-") || c.SameSite == http.SameSiteNoneMode
}

// setAcrossSites reports whether SameSite lets the answer to r set a cookie.
func setAcrossSites(r *http.Request, c *http.Cookie) bool {
	return !crossSite(r) || topLevel(r) || c.SameSite == http.SameSiteNoneMode
}

// removed reports whether a Set-Cookie removes a cookie. One without a value removes it
// whatever its date, because in a synctest bubble it is the year 2000.
func removed(c *http.Cookie) bool {
	return c.MaxAge < 0 || c.Value == "" || (c.MaxAge == 0 && !c.Expires.IsZero() && c.Expires.Before(time.Now()))
}

// sentAcrossSites reports whether SameSite permits to send a cookie with r. The default
// of the attribute is Lax.
func sentAcrossSites(r *http.Request, c *http.Cookie) bool {
	switch {
	case !crossSite(r) || c.SameSite == http.SameSiteNoneMode:
		return true
	case c.SameSite == http.SameSiteStrictMode:
		return false
	}
	return topLevel(r) && (r.Method == http.MethodGet || r.Method == http.MethodHead)
}

// crossSite reports whether another site caused r, by Fetch Metadata. Without it, the
// user or the application caused r.
func crossSite(r *http.Request) bool { return r.Header.Get("Sec-Fetch-Site") == "cross-site" }

// topLevel reports whether r is a navigation of the whole window.
func topLevel(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return (mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}

// trustworthy reports whether browsers send Secure cookies to a URL: over TLS, and to
// the machine that they run on.
func trustworthy(u *url.URL) bool {
	host := u.Hostname()
	return u.Scheme == "https" || host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(host).IsLoopback()
}

// pathMatches is the rule of RFC 6265bis, 5.1.4. A cookie without a path matches all paths.
func pathMatches(path, of string) bool {
	of = strings.TrimSuffix(of, "/")
	return of == "" || path == of || strings.HasPrefix(path, of+"/")
}
