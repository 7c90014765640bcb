package graph

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// origin is the scheme, host and port that may receive the user's token.
type origin struct{ scheme, host string }

// parseOrigin returns the origin of the root of Graph.
func parseOrigin(root string) (origin, error) {
	u, err := url.Parse(root)
	if err != nil || u.Scheme == "" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") == "" {
		return origin{}, errors.New("the URL of Graph is not absolute or has no version") // without the URL, which may contain a password
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

// hostname returns the host without a port, as in Kiota's list of valid hosts.
func (o origin) hostname() string {
	return (&url.URL{Host: o.host}).Hostname()
}

// check returns an error for a URL outside of Graph (threat C8). Calls of the SDK take URLs
// from anywhere, such as the nextLink of a response, or user input in WithUrl. The path must
// not be ambiguous either, because servers and proxies interpret dot segments, backslashes and
// leading double slashes differently.
func (o origin) check(u *url.URL) error {
	switch {
	case originOf(u) != o || u.Opaque != "":
		return errForeignURL.New("origin", nil)
	case u.User != nil:
		return errForeignURL.New("user", nil)
	case strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, `\`):
		return errForeignURL.New("path", nil)
	}
	segments := strings.Split(u.Path, "/") // decoded, which reveals %2e%2e and %2f
	if slices.Contains(segments, "..") || slices.Contains(segments, ".") {
		return errForeignURL.New("path", nil)
	}
	return nil
}
