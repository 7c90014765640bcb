package doctor

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// addresses checks the redirect URI, PostLogoutURL and the response mode.
func (d *diagnosis) addresses() []Finding {
	if refused := d.refusedAddresses(); len(refused) > 0 {
		return refused
	}
	if d.Flow.ResponseMode == formPost && strings.HasPrefix(d.PublicURL, "http:") {
		return []Finding{{
			Severity: SeverityWarning, Code: "form_post_http",
			What: "ResponseMode is form_post, with a PublicURL of plain http",
			Why:  "Entra then responds with a cross-site POST, and browsers send only cookies with SameSite=None and Secure with it; Safari does not store such cookies from http, so its users cannot sign in",
			Fix:  "leave ResponseMode empty, which is query on http, or use https",
		}}
	}
	return []Finding{ok("address", fmt.Sprintf("Entra answers to %s (%s)", d.Authority.RedirectURI, d.Flow.ResponseMode))}
}

const (
	// maxRedirectURI is the maximum length of a redirect URI that Entra registers.
	maxRedirectURI = 256
	// refusedCharacters are the characters that Entra does not allow in a redirect URI.
	refusedCharacters = "!$'(),;*"
)

// refusedAddresses returns a finding if Entra does not allow one of the URLs that have to be
// registered.
func (d *diagnosis) refusedAddresses() []Finding {
	var problems []string
	for name, address := range map[string]string{"the redirect URI": d.Authority.RedirectURI, "PostLogoutURL": d.PostLogoutURL} {
		if problem := refusedIn(address); problem != "" {
			problems = append(problems, name+" "+address+" "+problem)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	slices.Sort(problems)
	return []Finding{{
		Severity: SeverityWarning, Code: "redirect_uri_form",
		What: strings.Join(problems, ", and "),
		Why:  "Entra does not register such an address, and returns users to registered ones only",
		Fix:  "use another PublicURL, BasePath, RoutePrefix or PostLogoutURL, of letters, digits, dots, dashes and slashes",
	}}
}

// refusedIn returns what Entra does not accept in a redirect URI, or "".
func refusedIn(address string) string {
	switch i := strings.IndexAny(address, refusedCharacters); {
	case i >= 0:
		return fmt.Sprintf("contains the character %c", address[i])
	case strings.ContainsFunc(address, func(r rune) bool { return r >= utf8.RuneSelf }):
		return "contains characters that are not ASCII"
	case strings.Contains(address, "://[::1]"):
		return "has the host [::1], where localhost is possible"
	case len(address) > maxRedirectURI:
		return fmt.Sprintf("has %d characters, more than %d", len(address), maxRedirectURI)
	}
	return ""
}

// scopes checks the scopes as far as possible without Entra.
func (d *diagnosis) scopes() []Finding {
	scopes := d.Authority.Scopes.Configured()
	resourceOf := d.Authority.Scopes.ResourceOf
	other := slices.IndexFunc(scopes, func(s string) bool { return resourceOf(s) != resourceOf(scopes[0]) })
	if other < 0 {
		return nil
	}
	return []Finding{{
		Severity: SeverityError, Code: "scopes_mixed",
		What: fmt.Sprintf("Config.Scopes contains %s and %s, which belong to two resources", scopes[0], scopes[other]),
		Why:  "a token is for one resource only; Entra refuses to redeem the code, or grants some of the scopes, and nobody can sign in",
		Fix:  "keep the scopes of one resource; request others where they are needed, with TokenCredential",
	}}
}
