package doctor

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/aadsts"
)

// Authorization is Entra's answer to a sign-in that must not show a page, of a browser in
// which nobody is signed in. It should go back to the app and say so.
type Authorization struct {
	// Returned says that it went to the redirect URI, which Entra sends answers to only
	// if it is registered.
	Returned bool
	// Error is that of the answer that went back.
	Error string
	// Numbers are Entra's, of that answer or of the page it showed instead.
	Numbers []int
}

// ReadAuthorization reads the answer of the authorize endpoint with response_mode=query.
func ReadAuthorization(status int, location, page, redirectURI string) Authorization {
	if status < http.StatusMultipleChoices || status >= http.StatusBadRequest {
		return Authorization{Numbers: aadsts.Numbers(page)}
	}
	u, err := url.Parse(location)
	if err != nil {
		return Authorization{}
	}
	q := u.Query()
	u.RawQuery, u.Fragment = "", ""
	if u.String() != redirectURI {
		return Authorization{Numbers: aadsts.Numbers(location)}
	}
	return Authorization{Returned: true, Error: q.Get("error"), Numbers: aadsts.Numbers(q.Get("error_description"))}
}

// NeedsUser reports whether all that was missing is somebody who signs in.
func (a Authorization) NeedsUser() bool {
	return a.Returned && (strings.HasSuffix(a.Error, "_required") || a.Error == "")
}

// Unclear reports whether the answer tells nothing about the registration: Entra has a
// fault, or shows a page of which this one makes nothing.
func (a Authorization) Unclear() bool {
	if a.Returned {
		return a.Error == "server_error" || a.Error == "temporarily_unavailable"
	}
	return len(a.Numbers) == 0 || a.Numbers[0] == 50058
}

// scopeNumbers are the errors that concern a scope or what it is a permission of.
var scopeNumbers = []int{28002, 28003, 50001, 65005, 70011, 500011, 650052, 650053, 650057}

// OfScopes reports whether Entra knows a scope or its resource not.
func (a Authorization) OfScopes() bool {
	return a.Error == "invalid_scope" || a.Error == "invalid_resource" ||
		slices.ContainsFunc(a.Numbers, func(n int) bool { return slices.Contains(scopeNumbers, n) })
}

// Unregistered reports whether Entra does not know the redirect URI.
func (a Authorization) Unregistered() bool {
	return slices.Contains(a.Numbers, 50011) || slices.Contains(a.Numbers, 500113)
}
