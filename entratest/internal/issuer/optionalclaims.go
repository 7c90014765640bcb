package issuer

import (
	"fmt"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
	"github.com/fibermsal/fibermsal/entratest/internal/grants"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// maxGroups is how many groups a token carries before Entra sends a pointer to Graph instead.
const maxGroups = 200

// CheckOptionalClaims reports a name that is no optional claim's.
func CheckOptionalClaims(names []string) error {
	for _, name := range names {
		if addOptional[name] == nil {
			return fmt.Errorf("there is no optional claim %q", name)
		}
	}
	return nil
}

// addOptional adds the optional claims of a registration: optional-claims-reference.md of the identity
// platform's documentation.
var addOptional = map[string]func(c map[string]any, g *grants.Grant){
	"acct": func(c map[string]any, g *grants.Grant) {
		c["acct"] = 0
		if g.Account.IsGuest() {
			c["acct"] = 1
		}
	},
	"acrs":        addACRS,
	"auth_time":   func(c map[string]any, g *grants.Grant) { c["auth_time"] = g.AuthTime.Unix() },
	"email":       func(c map[string]any, g *grants.Grant) { addText(c, "email", g.Account.Mail) },
	"family_name": func(c map[string]any, g *grants.Grant) { addProfile(c, g, "family_name", g.Account.Surname) },
	"given_name":  func(c map[string]any, g *grants.Grant) { addProfile(c, g, "given_name", g.Account.GivenName) },
	"groups":      func(c map[string]any, g *grants.Grant) { addGroups(c, g.Account) },
	"login_hint":  func(c map[string]any, g *grants.Grant) { c["login_hint"] = g.Account.LoginHint() },
	"sid":         func(c map[string]any, g *grants.Grant) { c["sid"] = g.SID },
	"upn":         func(c map[string]any, g *grants.Grant) { addProfile(c, g, "upn", g.Account.UPN) },
}

func addACRS(c map[string]any, g *grants.Grant) {
	if len(g.ACRs) > 0 {
		c["acrs"] = g.ACRs
	}
}

func addText(c map[string]any, name, value string) {
	if value != "" {
		c[name] = value
	}
}

// addProfile adds a claim that needs the profile scope as well.
func addProfile(c map[string]any, g *grants.Grant, name, value string) {
	if scopes.Has(g.Scopes, "profile") {
		addText(c, name, value)
	}
}

func addGroups(c map[string]any, a *directory.Account) {
	switch {
	case len(a.Groups) > maxGroups:
		endpoint := "https://graph.windows.net/" + a.Tenant.ID + "/users/" + a.ID + "/getMemberObjects"
		c["_claim_names"] = map[string]string{"groups": "src1"}
		c["_claim_sources"] = map[string]any{"src1": map[string]string{"endpoint": endpoint}}
	case len(a.Groups) > 0:
		c["groups"] = a.Groups
	}
}
