package graph

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// origin is the scheme, host and port that may see the user's token.
type origin struct{ scheme, host string }

func parseOrigin(root string) (origin, error) {
	u, err := url.Parse(root)
	if err != nil || u.Scheme == "" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") == "" {
		return origin{}, errors.New("the URL of Graph is not absolute or has no version") // without the URL, which may hold a password
	}
	return originOf(u), nil
}

func originOf(u *url.URL) origin {
	o := origin{strings.ToLower(u.Scheme), strings.ToLower(u.Host)}
	switch o.scheme {
	case "https":
		o.host = strings.TrimSuffix(o.host, ":443")
	case "http":
		o.host = strings.TrimSuffix(o.host, ":80")
	}
	return o
}

// hostname is the host as Kiota's list of valid hosts wants it: without a port.
func (o origin) hostname() string {
	return (&url.URL{Host: o.host}).Hostname()
}

// admit refuses every URL outside Graph (threat C8). SDK calls take URLs
// from anywhere: a nextLink of an answer, or WithUrl with what a user has typed.
// Besides the origin, the path must mean what it says: servers and proxies do not
// agree on dot segments, backslashes and double slashes at the front.
func (o origin) admit(u *url.URL) error {
	switch {
	case originOf(u) != o || u.Opaque != "":
		return foreign("origin")
	case u.User != nil:
		return foreign("user")
	case strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, `\`):
		return foreign("path")
	}
	segments := strings.Split(u.Path, "/") // decoded, so %2e%2e and %2f are seen
	if slices.Contains(segments, "..") || slices.Contains(segments, ".") {
		return foreign("path")
	}
	return nil
}
