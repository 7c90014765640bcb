// Package redact takes credentials out of texts that others wrote.
//
// It is the second line: errors of the token path are built from parsed fields
// and never carry a foreign text in the first place (security.md F1). What
// passes here are texts of the network, the storage and the app's own hooks.
package redact

import (
	"regexp"
	"strings"
)

// maxLength bounds a text in a log line.
const maxLength = 512

const mark = "[redacted]"

var patterns = []*regexp.Regexp{
	// user:password@ of a URL
	regexp.MustCompile(`://[^/@\s"]*@`),
	// Before the names: "Authorization: Bearer x" ends after the second word.
	regexp.MustCompile(`(?i)\bbearer\s+\S+`),
	// name=value and "name":"value" of the protocols' secret fields
	regexp.MustCompile(`(?i)\b(code|state|nonce|code_verifier|client_secret|client_assertion|assertion|access_token|refresh_token|id_token|client_info|password|cookie|authorization)\b"?\s*[=:]\s*"?[^\s"&,;}]+`),
	// JWTs, and long opaque runs that look like tokens, keys or cookies
	regexp.MustCompile(`eyJ[A-Za-z0-9_\-.]+`),
	regexp.MustCompile(`[A-Za-z0-9_\-+/=.~]{40,}`),
}

// Text returns s without credentials, control characters and excess length, so
// that it can stand in a log line (security.md F3).
func Text(s string) string {
	for _, p := range patterns {
		s = p.ReplaceAllString(s, mark)
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || (r >= 0x7f && r < 0xa0) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxLength {
		s = strings.ToValidUTF8(s[:maxLength], "") + "…"
	}
	return s
}

// Error is an error whose text has been redacted. Its cause can be reached by
// [errors.Is] only if it was kept on purpose.
type Error struct {
	text string
	kept error
}

// Wrap redacts the text of err and keeps what errors.Is can compare it with
// through kept, which may be nil. It returns nil for nil.
func Wrap(err, kept error) error {
	if err == nil {
		return nil
	}
	return &Error{text: Text(err.Error()), kept: kept}
}

func (e *Error) Error() string { return e.text }

// Unwrap returns what was kept.
func (e *Error) Unwrap() error { return e.kept }

// GoString is what %#v prints: no more than %v.
func (e *Error) GoString() string { return e.text }
