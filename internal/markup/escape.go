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

// safeURL returns a URL of HTTP or a relative one, in ASCII without white space and quotes, or refused.
func safeURL(url string) string {
	if end := strings.IndexAny(url, ":/?#"); end >= 0 && url[end] == ':' {
		if scheme := url[:end]; !strings.EqualFold(scheme, "https") && !strings.EqualFold(scheme, "http") {
			return refused
		}
	}
	const hex = "0123456789abcdef"
	var safe strings.Builder
	for i := range len(url) {
		c := url[i]
		if isURLCharacter(c) || c == '%' && isEscape(url[i:]) {
			safe.WriteByte(c)
		} else {
			safe.WriteString("%" + hex[c>>4:c>>4+1] + hex[c&15:c&15+1])
		}
	}
	return safe.String()
}

// isURLCharacter reports whether a byte can be in a URL (RFC 3986 section 2). Single quotes and
// parentheses are escaped: the first can quote the URL of a refresh.
func isURLCharacter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~!#$&*+,/:;=?@[]", c) >= 0
}

// isEscape reports whether a string begins with an escape as in RFC 3986 section 2.1.
func isEscape(s string) bool {
	return len(s) >= 3 && isHex(s[1]) && isHex(s[2])
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}
