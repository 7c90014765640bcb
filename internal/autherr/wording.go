package autherr

import (
	"log/slog"

	"github.com/fibermsal/fibermsal/internal/phrases"
)

// WithWords returns a copy with another public sentence and another detail, which may be None.
func WithWords(e *Error, message, detail phrases.Key) *Error {
	changed := *e
	changed.Message, changed.message, changed.detail = message.English(), message, detail
	return &changed
}

// WithDetail returns a copy with another detail, which is the text that a page adds to the Message.
func WithDetail(e *Error, detail phrases.Key) *Error {
	changed := *e
	changed.detail = detail
	return &changed
}

// MessageKey returns the key of the Message. It is None if the app has set another Message.
func MessageKey(e *Error) phrases.Key {
	if e.Message != e.message.English() {
		return phrases.None
	}
	return e.message
}

// DetailKey returns the key of the detail, or None if the detail depends only on the code.
func DetailKey(e *Error) phrases.Key { return e.detail }

// WithAttrs returns a copy whose log line has further attributes.
func WithAttrs(e *Error, attrs ...slog.Attr) *Error {
	changed := *e
	changed.attrs = attrs
	return &changed
}
