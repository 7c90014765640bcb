package markup

import (
	"strings"
)

// escape writes a value into text or a quoted attribute. It escapes & and the characters that could end
// either of them. Like html/template, it also escapes the plus sign, by which old browsers detected
// UTF-7.
func (w *Writer) escape(value string) {
	for i := range len(value) {
		switch c := value[i]; c {
		case 0:
			w.page = append(w.page, "\uFFFD"...) // HTML parsers replace it in the same way
		case '"':
			w.page = append(w.page, "&#34;"...)
		case '\'':
			w.page = append(w.page, "&#39;"...)
		case '&':
			w.page = append(w.page, "&amp;"...)
		case '+':
			w.page = append(w.page, "&#43;"...)
		case '<':
			w.page = append(w.page, "&lt;"...)
		case '>':
			w.page = append(w.page, "&gt;"...)
		default:
			w.page = append(w.page, c)
		}
	}
}

// refused replaces a URL whose scheme is not http or https. It leads to the page that contains it.
const refused = "#"

// safeURL returns an http, https or relative URL, and refused for any other. A URL that a browser can
// send is not changed, so a link leads to the same address as a redirect. All other characters are
// escaped.
func safeURL(url string) string {
	if end := strings.IndexAny(url, ":/?#"); end >= 0 && url[end] == ':' {
		if scheme := url[:end]; !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") {
			return refused
		}
	}
	var safe strings.Builder
	for i := range len(url) {
		if c := url[i]; isInURLs(c) {
			safe.WriteByte(c)
		} else {
			safe.WriteString(escapeOf(c))
		}
	}
	return safe.String()
}

// isInURLs reports whether browsers send a byte unchanged, at least in a query. The backslash is
// excluded because browsers interpret it as a slash, and the backtick because old ones interpreted it
// as a quote.
func isInURLs(c byte) bool {
	return c > ' ' && c <= '~' && strings.IndexByte("\"<>`\\", c) < 0
}

// escapeOf returns the percent-encoding of a byte (RFC 3986 section 2.1).
func escapeOf(c byte) string {
	const hex = "0123456789abcdef"
	return string([]byte{'%', hex[c>>4], hex[c&15]})
}
