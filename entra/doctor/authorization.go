package doctor

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/aadsts"
)

// authorization is Entra's answer to a sign-in that must not show a page, from a browser in
// which nobody is signed in. Entra should return to the app and say so.
type authorization struct {
	// returned reports whether Entra redirected to the redirect URI, which it does only if it
	// is registered.
	returned bool
	// error is the protocol's, in the redirect.
	error string
	// numbers are those in the redirect, or on the page that Entra shows instead.
	numbers []int
}

// readAuthorization reads the answer of the authorize endpoint to response_mode=query.
func readAuthorization(status int, location, page, redirectURI string) authorization {
	if status < http.StatusMultipleChoices || status >= http.StatusBadRequest {
		return authorization{numbers: aadsts.Numbers(page)}
	}
	u, err := url.Parse(location)
	if err != nil {
		return authorization{}
	}
	q := u.Query()
	u.RawQuery, u.Fragment = "", ""
	if u.String() != redirectURI {
		return authorization{numbers: aadsts.Numbers(location)}
	}
	return authorization{returned: true, error: q.Get("error"), numbers: aadsts.Numbers(q.Get("error_description"))}
}

// needsUser reports whether nothing is missing but a user who signs in.
func (a authorization) needsUser() bool {
	return a.returned && (a.error == "" || strings.HasSuffix(a.error, "_required"))
}

// isUnclear reports whether the answer says nothing about the registration: Entra has a fault,
// or shows a page without a known number.
func (a authorization) isUnclear() bool {
	if a.returned {
		return a.error == "server_error" || a.error == "temporarily_unavailable"
	}
	return len(a.numbers) == 0 || aadsts.KindOf(a.numbers[0]) == aadsts.NotSignedIn
}

// refusesScopes reports whether Entra does not know a scope or its resource.
func (a authorization) refusesScopes() bool {
	return a.error == "invalid_scope" || a.error == "invalid_resource" || a.has(aadsts.InvalidScope)
}

// isUnregistered reports whether Entra does not know the redirect URI.
func (a authorization) isUnregistered() bool { return a.has(aadsts.UnregisteredRedirectURI) }

func (a authorization) has(kind aadsts.Kind) bool {
	return slices.ContainsFunc(a.numbers, func(n int) bool { return aadsts.KindOf(n) == kind })
}
