package wire

import (
	"context"
	"net/http"
)

type plainKey struct{}

// Plain marks the requests of the unencrypted listener.
func Plain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), plainKey{}, true)))
	})
}

// IsPlain reports whether the request was not encrypted.
func IsPlain(r *http.Request) bool {
	plain, _ := r.Context().Value(plainKey{}).(bool)
	return plain
}
