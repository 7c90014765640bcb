package graph

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
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

// check returns an error for a URL outside of Graph (threat C8). The SDK's calls use URLs from many
// sources, such as the nextLink of a response or user input in WithUrl. Ambiguous paths are also
// refused, because servers and proxies interpret dot segments, backslashes and leading double slashes
// differently.
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

// checkForeign returns an error unless a URL outside of Graph may be used for a download or an upload.
// The host gets no token, but it gets or provides the content, and its response is read. The URL must
// be https, so that a certificate proves that the server is the named host and not a host to which a
// forged DNS answer leads. An address in a private network is accepted only if Graph itself has one, as
// in tests.
func (o origin) checkForeign(u *url.URL) error {
	host := u.Hostname()
	switch {
	case !strings.EqualFold(u.Scheme, "https") || u.Opaque != "" || host == "":
		return errForeignURL.New("scheme", nil)
	case u.User != nil:
		return errForeignURL.New("user", nil)
	case isPrivate(host) && !isPrivate(o.hostname()):
		return errForeignURL.New("private_address", nil)
	}
	return nil
}

// specialAddresses are addresses that netip does not report as private but that do not belong to the
// public Internet either (RFC 6890), such as carriers' addresses (RFC 6598), and IPv6 addresses that
// contain an IPv4 address, which may be private: those of translators (RFC 6052), 6to4 and Teredo, and
// IPv4-compatible addresses.
var specialAddresses = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

func isSpecial(address netip.Addr) bool {
	return slices.ContainsFunc(specialAddresses, func(p netip.Prefix) bool { return p.Contains(address) })
}

// isPrivate reports whether a host name or address does not belong to the public Internet. It does not
// resolve names.
func isPrivate(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if address, err := netip.ParseAddr(host); err == nil {
		address = address.Unmap()
		return !address.IsGlobalUnicast() || address.IsPrivate() || address.Zone() != "" || isSpecial(address)
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return true // net/http turns it into another name or address: db.ｃｏｒｐ is db.corp (UTS 46)
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case last == host: // a name without a domain
		return true
	case strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x"): // an address in another notation
		return true
	}
	return slices.Contains([]string{"localhost", "local", "internal", "lan", "intranet", "corp", "home", "arpa"}, last)
}
