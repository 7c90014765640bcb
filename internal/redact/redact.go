// Package redact removes credentials from texts that come from other components.
//
// It is the second line of defence. Errors of the token path are built from
// parsed fields and never contain texts of other components (threat F1). This
// package redacts errors of the network, the storage and the app's own hooks.
package redact

import (
	"regexp"
	"strings"
)

const (
	// maxLength is the maximum length of a text in a log line.
	maxLength = 512
	// maxSearched is the maximum length of text that is searched for credentials, because a client can
	// cause an error with kilobytes of text. Twice maxLength leaves room for the credentials that are
	// removed.
	maxSearched = 2 * maxLength
)

const mark = "[redacted]"

// pattern describes a kind of credential. A search takes a tenth of a microsecond for each byte, so
// only texts that contain a substring that every match has are searched.
type pattern struct {
	*regexp.Regexp
	needs string
}

var patterns = []pattern{
	// user:password@ of a URL, whatever the password contains
	{regexp.MustCompile(`://[^\s"]*@`), "://"},
	// whole headers
	{regexp.MustCompile(`(?im)\b(authorization|proxy-authorization|cookie|set-cookie)\\?"?\s*[=:][^\r\n]*`), ""},
	{regexp.MustCompile(`(?i)\b(bearer|basic)\s+\S+`), ""},
	// name=value and "name":"value" of the protocols' secret fields, escaped or not
	{regexp.MustCompile(`(?i)\b(code|state|nonce|code_verifier|client_secret|client_assertion|assertion|access_token|refresh_token|id_token|client_info|secret|token|password|passwd|pwd|key)\\?"?\s*[=:]\s*\\?"?[^\s"\\&,;}]+`), ""},
	// JWTs
	{regexp.MustCompile(`eyJ[A-Za-z0-9_\-.]+`), "eyJ"},
}

// opaque matches long runs of characters that may be tokens, keys or cookies.
var opaque = regexp.MustCompile(`[A-Za-z0-9_\-+/=.~]{40,}`)

// isPath reports whether a run consists of short words, and so is the path of a URL rather
// than a token. Paths are kept, because an administrator may need them.
func isPath(run string) bool {
	if !strings.Contains(run, "/") {
		return false
	}
	for word := range strings.FieldsFuncSeq(run, func(r rune) bool { return strings.ContainsRune("/.-_", r) }) {
		if len(word) > 16 {
			return false
		}
	}
	return true
}

// cut returns the part of a text that is searched, which is its beginning, and reports whether the text
// is longer. The last run of characters without a space or quote is replaced, because it may be the
// first part of a credential that can only be recognized as a whole, such as a password before its @.
func cut(s string) (beginning string, shorter bool) {
	if len(s) <= maxSearched {
		return s, false
	}
	s = s[:maxSearched]
	return s[:strings.LastIndexAny(s, " \t\r\n\"")+1] + mark, true
}

// Text returns s for use in a log line (threat F3). Credentials are redacted, control
// characters are replaced by spaces, and a long text is truncated.
func Text(s string) string {
	s, shorter := cut(s)
	for _, p := range patterns {
		if strings.Contains(s, p.needs) {
			s = p.ReplaceAllString(s, mark)
		}
	}
	s = opaque.ReplaceAllStringFunc(s, func(run string) string {
		if isPath(run) {
			return run
		}
		return mark
	})
	s = strings.Map(func(r rune) rune {
		if r < ' ' || (r >= 0x7f && r < 0xa0) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxLength {
		s, shorter = strings.ToValidUTF8(s[:maxLength], ""), true
	}
	if shorter {
		s += "…"
	}
	return s
}

// Error is an error with a redacted text. It wraps only the error that was passed to [Wrap] as kept,
// because the original cause may contain credentials.
type Error struct {
	text string
	kept error
}

// Wrap returns an error with the redacted text of err. The error wraps kept, which may be nil, for use
// with errors.Is. Wrap returns nil if err is nil.
func Wrap(err, kept error) error {
	if err == nil {
		return nil
	}
	return &Error{text: TextOf(err), kept: kept}
}

// TextOf returns the redacted text of an error, as Text does. The text of an [Error] is not searched
// again.
func TextOf(err error) string {
	if redacted, ok := err.(*Error); ok { //nolint:errorlint // one that wraps it has a text of its own
		return redacted.text
	}
	return Text(err.Error())
}

func (e *Error) Error() string { return e.text }

// Unwrap returns the error that was kept, or nil.
func (e *Error) Unwrap() error { return e.kept }

// GoString returns the redacted text, so that %#v prints no more than %v.
func (e *Error) GoString() string { return e.text }
