package doctor

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/aadsts"
)

// authorization is Entra's response to a silent sign-in from a browser in which no user is signed in.
// Entra is expected to redirect to the app with the error that a user is required.
type authorization struct {
	// returned reports whether Entra redirected to the redirect URI, which it does only if the URI is
	// registered.
	returned bool
	// error is the OAuth error code in the redirect.
	error string
	// numbers are the AADSTS numbers in the redirect, or on the page that Entra shows instead.
	numbers []int
}

// readAuthorization reads the response of the authorize endpoint to response_mode=query.
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

// needsUser reports whether the sign-in failed only because no user is signed in.
func (a authorization) needsUser() bool {
	return a.returned && (a.error == "" || strings.HasSuffix(a.error, "_required"))
}

// isUnclear reports whether the response allows no conclusion about the registration, because Entra has
// a fault or shows a page without a known number.
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
