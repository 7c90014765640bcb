package doctor

import (
	"context"
	"fmt"
	"net/url"
)

// postLogout checks whether PostLogoutURL is registered as a redirect URI, by requesting a silent
// sign-in that would return there.
func (d *diagnosis) postLogout(ctx context.Context) []Finding {
	address := d.PostLogoutURL
	if u, err := url.Parse(address); err == nil && u.Path == "" {
		u.Path = "/" // the URL to which Entra redirects
		address = u.String()
	}
	if address == "" || address == d.Authority.RedirectURI {
		return nil
	}
	answer, err := d.silentSignIn(ctx, address)
	switch {
	case err != nil:
		return []Finding{unchecked("post_logout_uri", "PostLogoutURL", causeOf(err))}
	case answer.isUnregistered():
		return []Finding{{
			Severity: SeverityWarning, Code: "post_logout_uri",
			What: d.PostLogoutURL + ", to which browsers return after signing out, is not registered" + numbered(answer.numbers),
			Why:  "users who sign out stay on a page of Entra",
			Fix:  "register exactly this URL as another redirect URI, with the platform Web",
		}}
	case answer.returned:
		return []Finding{ok("post_logout_uri", d.PostLogoutURL+" is registered")}
	}
	return []Finding{unchecked("post_logout_uri", "PostLogoutURL", "Entra neither returned there nor gave a reason")}
}

// maxAuthorizeURL is a length that browsers, proxies and Entra are known to accept. The URL of a
// sign-in that returns to a page with a long address is a few hundred bytes longer than the one that is
// checked.
const maxAuthorizeURL = 2000

// authorizeURL checks the length of the URL of a sign-in.
func (d *diagnosis) authorizeURL(ctx context.Context) []Finding {
	address, err := d.silentAuthorizeURL(ctx, d.Authority.RedirectURI)
	if err != nil || len(address) <= maxAuthorizeURL {
		return nil
	}
	return []Finding{{
		Severity: SeverityWarning, Code: "authorize_url",
		What: fmt.Sprintf("the URL of a sign-in has %d bytes", len(address)),
		Why:  "Entra (AADSTS90015) and proxies refuse long URLs, at first those of users who return to a page with a long address",
		Fix:  "request fewer scopes at sign-in, and the others where they are needed, with TokenCredential",
	}}
}
