package markup

import (
	"strings"
)

// escape writes a value into text or a quoted attribute: & and what could end either of them. A plus sign
// is one of those that html/template escapes, too, because old browsers found UTF-7 by it.
func (w *Writer) escape(value string) {
	for i := range len(value) {
		switch c := value[i]; c {
		case 0:
			w.page = append(w.page, "\uFFFD"...) // which parsers of HTML replace it with
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

// refused replaces a URL that has another scheme than HTTP's. It leads to the page on which it is.
const refused = "#"

// safeURL returns a URL of HTTP or a relative one, or refused. Of a URL that browsers send, it is the same, which
// also a redirect leads to; what else is in it is escaped.
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

// isInURLs reports whether browsers send a byte as it is, at least in a query. Of those that are left out, they take
// the backslash for a slash, and once took the backtick for a quote.
func isInURLs(c byte) bool {
	return c > ' ' && c <= '~' && strings.IndexByte("\"<>`\\", c) < 0
}

// escapeOf returns a byte as in RFC 3986 section 2.1.
func escapeOf(c byte) string {
	const hex = "0123456789abcdef"
	return string([]byte{'%', hex[c>>4], hex[c&15]})
}
