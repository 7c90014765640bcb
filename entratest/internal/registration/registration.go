// Package registration contains the registration of the application at Entra ID.
package registration

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/aadsts"
	"github.com/fibermsal/fibermsal/entratest/internal/ids"
)

// App is the registered application. It does not change.
type App struct {
	TenantID, ClientID       string
	RedirectURIs, LogoutURIs []string
	SPAURIs                  []string // redirect URIs of single-page apps
	FrontChannel             string   // front-channel logout URL; empty for none
	FrontChannelIssuer       bool     // front-channel requests carry iss
	Permissions              []string
}

// CheckClientID checks the client_id of a request to the tenant segment.
func (a *App) CheckClientID(id, segment string) *aadsts.Error {
	switch {
	case id == "":
		return aadsts.New(900144, "client_id")
	case !ids.IsGUID(strings.ToLower(id)):
		return aadsts.New(700038, id)
	case !strings.EqualFold(id, a.ClientID):
		return aadsts.New(700016, id, segment)
	default:
		return nil
	}
}

// MayReceive reports whether uri is a registered redirect URI.
func (a *App) MayReceive(uri string) bool { return registered(uri, a.RedirectURIs) || a.IsSPA(uri) }

// IsSPA reports whether uri is a registered redirect URI of a single-page app.
func (a *App) IsSPA(uri string) bool { return registered(uri, a.SPAURIs) }

// IsSPAOrigin reports whether a single-page app is registered at the origin. The port of http://localhost is ignored.
func (a *App) IsSPAOrigin(origin string) bool {
	return slices.ContainsFunc(a.SPAURIs, func(uri string) bool {
		own := pageOrigin(uri)
		return origin == own || withoutLocalPort(origin) == withoutLocalPort(own)
	})
}

// pageOrigin is the origin of a registered URI as browsers write it: in lower case, without the port of the scheme.
func pageOrigin(uri string) string {
	origin := strings.ToLower(Origin(uri))
	for scheme, port := range map[string]string{"https://": ":443", "http://": ":80"} {
		if strings.HasPrefix(origin, scheme) {
			origin = strings.TrimSuffix(origin, port)
		}
	}
	return origin
}

// MayFollowLogout reports whether uri is registered as a page that is opened after logout.
func (a *App) MayFollowLogout(uri string) bool {
	return a.MayReceive(uri) || registered(uri, a.LogoutURIs)
}

// registered reports whether uri is one of the registered ones. entra: the comparison is exact, except that
// the port of http://localhost is ignored.
func registered(uri string, list []string) bool {
	for _, one := range list {
		if uri == one || withoutLocalPort(uri) == withoutLocalPort(one) {
			return true
		}
	}
	return false
}

func withoutLocalPort(uri string) string {
	rest, ok := strings.CutPrefix(uri, "http://localhost:")
	if !ok {
		return uri
	}
	digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
	return "http://localhost" + rest[digits:]
}

// CheckURI applies the rules of the app registration page: https, or http on the local machine; no fragment;
// at most 256 characters. Unlike Entra it allows http for names below .localhost, because browser tests need
// a second site that resolves to loopback.
func CheckURI(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Host == "":
		return fmt.Errorf("the redirect URI %q is not an absolute URL", uri)
	case len(uri) > 256:
		return fmt.Errorf("the redirect URI %.20q… is longer than 256 characters", uri)
	case u.Fragment != "" || strings.Contains(uri, "*"):
		return fmt.Errorf("the redirect URI %q has a fragment or a wildcard", uri)
	case u.Scheme == "https", u.Scheme == "http" && isLocal(u.Hostname()):
		return nil
	default:
		return fmt.Errorf("the redirect URI %q is neither https nor http on localhost", uri)
	}
}

func isLocal(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1" || strings.HasSuffix(host, ".localhost")
}

// WithParams adds a response to a registered URI. entra: a URI without a path comes back with a slash.
func WithParams(uri string, v url.Values, fragment bool) string {
	u := mustParse(uri)
	if u.Path == "" {
		u.Path = "/"
	}
	if fragment {
		return u.String() + "#" + v.Encode()
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += v.Encode()
	return u.String()
}

// Origin is the origin of a registered URI.
func Origin(uri string) string {
	u := mustParse(uri)
	return u.Scheme + "://" + u.Host
}

// mustParse parses a URI that equals a registered one, which entratest.New has parsed.
func mustParse(uri string) *url.URL {
	u, err := url.Parse(uri)
	if err != nil {
		panic("entratest: " + err.Error())
	}
	return u
}

// Repeated returns the name of a parameter that is given more than once.
func Repeated(form url.Values) string {
	for name, values := range form {
		if len(values) > 1 {
			return name
		}
	}
	return ""
}
