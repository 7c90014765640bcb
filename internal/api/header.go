package api

import (
	"bytes"
	"strings"

	"github.com/fibermsal/fibermsal/internal/accesstoken"
	"github.com/fibermsal/fibermsal/internal/autherr"
)

// Authorization is the request header that contains the access token.
const Authorization = "Authorization"

// MaxToken is the maximum length of tokens in bytes. Real ones have a few kilobytes.
const MaxToken = accesstoken.MaxLength

const scheme = "Bearer"

// Request is the part of a request that this package reads.
type Request interface {
	// Authorization returns the first header of this name and the number of such headers.
	Authorization() (value []byte, count int)
	// HasQuery reports whether the query has a parameter.
	HasQuery(name string) bool
}

// TokenOf returns the access token of a request, nil if it has none, or an error to respond with.
// Headers with another scheme, such as that of a proxy, are ignored. The returned bytes belong to the
// request.
func TokenOf(r Request) ([]byte, error) {
	if r.HasQuery("access_token") { // logs and browsers' histories would contain it (RFC 6750 section 2.3)
		return nil, autherr.InvalidRequest.New("token_in_query", nil)
	}
	value, count := r.Authorization()
	if count > 1 {
		return nil, autherr.InvalidRequest.New("authorization_repeated", nil)
	}
	name, token, _ := bytes.Cut(value, []byte{' '})
	token = bytes.Trim(token, " ")
	switch {
	case !strings.EqualFold(string(name), scheme):
		return nil, nil
	case len(token) > MaxToken:
		return nil, autherr.InvalidRequest.New("token_too_long", nil)
	case !isToken68(token):
		return nil, autherr.InvalidRequest.New("authorization_malformed", nil)
	}
	return token, nil
}

// isToken68 reports whether a text has the syntax of a bearer token (RFC 6750 section 2.1).
func isToken68(text []byte) bool {
	text = bytes.TrimRight(text, "=")
	for _, b := range text {
		if !token68[b] {
			return false
		}
	}
	return len(text) > 0
}

// token68 are the characters of a bearer token, except the equal signs at its end. It is a table because
// each request has more than a thousand of them.
var token68 = func() (is [256]bool) {
	for _, b := range []byte("-._~+/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
		is[b] = true
	}
	return is
}()
