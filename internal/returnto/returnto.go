// Package returnto decides which page a browser may be sent to after a sign-in.
//
// The path a user came from arrives from the outside and ends in a Location
// header, which makes it the classic place for open redirects and header
// injection (threats C1, C2). A path is kept only if every reading of it,
// raw or decoded once or twice, stays on this origin; everything else is "/".
// A query is data and stays encoded, so that it may contain an encoded line break.
package returnto

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// Home is the path that a browser is sent to if the return path was rejected.
const Home = "/"

// MaxLength is the longest path that is kept, in bytes.
const MaxLength = 4096

// Clean returns raw as a path, with its query and fragment, that is safe in a
// Location header and resolves to the origin it is served from, or Home. Clean
// of its own result gives the same result.
func Clean(raw string) string {
	if len(raw) > MaxLength || !utf8.ValidString(raw) || !staysLocal(raw) {
		return Home
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return Home
	}
	clean := visible(reassemble(u))
	if len(clean) > MaxLength || !staysLocal(clean) {
		return Home
	}
	return clean
}

func reassemble(u *url.URL) string {
	out := u.EscapedPath()
	if u.RawQuery != "" {
		out += "?" + u.RawQuery
	}
	if u.Fragment != "" {
		out += "#" + u.EscapedFragment()
	}
	return out
}

// staysLocal checks every reading of a path: proxies, routers and browsers
// disagree about how often they decode.
func staysLocal(raw string) bool {
	path, rest := split(raw)
	if hasControl(rest) {
		return false
	}
	for range 3 {
		if !pathStaysLocal(path) {
			return false
		}
		path = decodeOnce(path)
	}
	return true
}

func split(raw string) (path, rest string) {
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		return raw[:i], raw[i:]
	}
	return raw, ""
}

// pathStaysLocal checks one reading. Browsers read a backslash as a slash, and take what follows two
// of them at the beginning for a host. Further on they are part of the path, as in
// /proxy/https://example.com.
func pathStaysLocal(path string) bool {
	if !strings.HasPrefix(path, "/") || strings.IndexAny(path[1:], `/\`) == 0 || hasControl(path) {
		return false
	}
	for segment := range strings.FieldsFuncSeq(path, isSlash) {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

func isSlash(r rune) bool { return r == '/' || r == '\\' }

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f })
}

// decodeOnce decodes what can be decoded and keeps the rest, as a lenient
// parser would.
func decodeOnce(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var out strings.Builder
	out.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if b, err := url.PathUnescape(s[i : i+3]); err == nil {
				out.WriteString(b)
				i += 2
				continue
			}
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

// visible percent-encodes all characters except visible ASCII characters, so that the result can be
// part of a header.
func visible(s string) string {
	const hex = "0123456789ABCDEF"
	if !strings.ContainsFunc(s, isInvisible) {
		return s // before anything is allocated
	}
	var out strings.Builder
	for i := range len(s) {
		if b := s[i]; !isInvisible(rune(b)) {
			out.WriteByte(b)
		} else {
			out.WriteString(string([]byte{'%', hex[b>>4], hex[b&15]}))
		}
	}
	return out.String()
}

func isInvisible(r rune) bool { return r <= ' ' || r >= 0x7f }
