package autherr

import "log/slog"

// WithWords returns a copy with another public sentence, and with what a page adds to it.
func WithWords(e *Error, message, detail string) *Error {
	changed := *e
	changed.Message, changed.detail = message, detail
	return &changed
}

// Detail returns what a page adds to the Message, or "" if its code says all.
func Detail(e *Error) string { return e.detail }

// WithAttrs returns a copy whose log line has further attributes.
func WithAttrs(e *Error, attrs ...slog.Attr) *Error {
	changed := *e
	changed.attrs = attrs
	return &changed
}
