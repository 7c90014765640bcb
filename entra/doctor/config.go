package doctor

import (
	"fmt"
	"slices"
	"strings"
)

// addresses checks where and how Entra answers.
func (d *diagnosis) addresses() []Finding {
	if d.Flow.ResponseMode == formPost && strings.HasPrefix(d.PublicURL, "http:") {
		return []Finding{{
			Severity: SeverityWarning, Code: "form_post_http",
			What: "ResponseMode is form_post, with a PublicURL of plain http",
			Why:  "Entra then answers with a cross-site POST, with which browsers send a cookie only if it is SameSite=None, so it must be Secure; Safari does not store such a cookie from http, so nobody can sign in with it",
			Fix:  "leave ResponseMode empty, which is query on http, or use https",
		}}
	}
	return []Finding{ok("address", fmt.Sprintf("Entra answers to %s (%s)", d.Authority.RedirectURI, d.Flow.ResponseMode))}
}

// scopes checks the scopes as far as that is possible without Entra.
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
		Why:  "a token is for one resource: Entra refuses to redeem the code, or grants some of the scopes, and nobody can sign in",
		Fix:  "keep the scopes of one resource; request others where they are needed, with TokenCredential",
	}}
}
