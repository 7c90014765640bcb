package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/flow"
)

const redirectSubject = "the redirect URI"

// registration requests a silent sign-in, like a browser in which no user is signed in. If the redirect
// URI is registered, Entra redirects to it with the error that a user is required.
func (d *diagnosis) registration(ctx context.Context) []Finding {
	address := d.Authority.RedirectURI
	answer, err := d.silentSignIn(ctx, address)
	switch {
	case err != nil:
		return []Finding{unchecked("redirect_uri", redirectSubject, causeOf(err))}
	case answer.isUnclear():
		return []Finding{unchecked("redirect_uri", redirectSubject, "Entra neither returned to the app nor gave a reason; open the login page in a browser")}
	case answer.needsUser():
		return append(append([]Finding{
			ok("redirect_uri", address+" is registered"),
			ok("scopes", "Entra accepts a request for "+strings.Join(d.Authority.Scopes.Configured(), " ")+"; whether a user has consented shows when they sign in"),
		}, d.postLogout(ctx)...), d.authorizeURL(ctx)...)
	case answer.refusesScopes():
		return []Finding{ok("redirect_uri", address+" is registered"), {
			Severity: SeverityError, Code: "scopes",
			What: "Entra refuses Config.Scopes" + numbered(answer.numbers),
			Why:  "nobody can sign in",
			Fix:  adviceOr("look for a scope that does not exist, or belongs to an API that the tenant does not have", answer.numbers),
		}}
	case answer.isUnregistered():
		return []Finding{{
			Severity: SeverityError, Code: "redirect_uri",
			What: address + " is not registered" + numbered(answer.numbers),
			Why:  "Entra shows an error page instead of the sign-in, and the app is not notified",
			Fix:  "register exactly this URI with the platform Web; an API without user sign-in needs none",
		}}
	}
	return []Finding{refusal(answer.numbers, "a sign-in")}
}

func (d *diagnosis) silentSignIn(ctx context.Context, redirectURI string) (authorization, error) {
	address, err := d.silentAuthorizeURL(ctx, redirectURI)
	if err != nil {
		return authorization{}, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return authorization{}, err
	}
	response, err := d.browse(r)
	if err != nil {
		return authorization{}, err
	}
	defer func() { _ = response.Body.Close() }()
	page, err := io.ReadAll(response.Body)
	if err != nil {
		return authorization{}, err
	}
	if authority.IsBusy(response.StatusCode) {
		return authorization{}, fmt.Errorf("the authorize endpoint answered with status %d", response.StatusCode)
	}
	return readAuthorization(response.StatusCode, response.Header.Get("Location"), string(page), redirectURI), nil
}

// silentAuthorizeURL returns the URL of a silent sign-in. It uses the response mode query, whose
// response can be read without a browser; a redirect URI is registered for all response modes.
func (d *diagnosis) silentAuthorizeURL(ctx context.Context, redirectURI string) (string, error) {
	started, err := d.Flow.Begin(ctx, &flow.Start{To: flow.DestinationOf("/"), Requirements: flow.Requirements{Silent: true}})
	if err != nil {
		return "", err
	}
	u, err := url.Parse(started.URL)
	if err != nil {
		return "", err
	}
	q := u.Query()
	q.Set("response_mode", "query")
	q.Set("redirect_uri", redirectURI)
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// browse opens a page as browsers do. They resolve names below localhost, such as the host of the
// emulator's authority, to this machine (RFC 6761 section 6.3), which a resolver may not do.
func (d *diagnosis) browse(r *http.Request) (*http.Response, error) {
	response, err := d.client.Do(r)
	if unresolved := new(net.DNSError); errors.As(err, &unresolved) && discovery.IsLoopback(r.URL.Hostname()) {
		r.Host, r.URL.Host = r.URL.Host, net.JoinHostPort("127.0.0.1", r.URL.Port())
		return d.client.Do(r)
	}
	return response, err
}
