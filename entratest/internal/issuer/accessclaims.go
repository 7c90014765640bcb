package issuer

import (
	"slices"
	"strings"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/ids"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// accessClaims are those of an access token in the version of its API: access-token-claims-reference.md of the
// identity platform's documentation.
func (i *Issuer) accessClaims(t *AccessToken) map[string]any {
	api, now := i.config.Scopes.API(t.Resource), time.Now().Unix()
	c := map[string]any{
		"aud": api.AudienceClaim(), "tid": t.Tenant.ID, "iat": now, "nbf": now, "exp": t.Expires.Unix(),
		"aio": ids.Text(64), "rh": "1." + ids.Text(40) + ".", "uti": ids.Text(22),
	}
	if api.IsVersion1() {
		i.addVersion1(c, t)
	} else {
		i.addVersion2(c, t)
	}
	if t.CAE {
		c["xms_cc"] = []string{"cp1"}
	}
	if t.Account == nil {
		i.addApplication(c, t, api)
	} else {
		i.addUser(c, t, api)
	}
	if t.Agent {
		i.addAgent(c, t, api)
	}
	return c
}

func (i *Issuer) addVersion2(c map[string]any, t *AccessToken) {
	c["ver"], c["iss"] = "2.0", i.config.Origins.Issuer(t.Tenant.ID)
	c["azp"], c["azpacr"] = i.config.ClientID, t.AZPACR
	if t.Account != nil {
		c["preferred_username"] = t.Account.UPN
	}
}

func (i *Issuer) addVersion1(c map[string]any, t *AccessToken) {
	c["ver"], c["iss"] = "1.0", i.config.Origins.IssuerV1(t.Tenant.ID)
	c["appid"], c["appidacr"] = i.config.ClientID, t.AZPACR
	if t.Account == nil {
		c["idp"] = c["iss"]
		return
	}
	c["acr"], c["amr"] = "1", []string{"pwd"}
	c["unique_name"], c["upn"] = t.Account.UPN, t.Account.UPN
	addText(c, "family_name", t.Account.Surname)
	addText(c, "given_name", t.Account.GivenName)
	if t.Account.IsGuest() {
		c["idp"] = i.config.Origins.Provider(t.Account.HomeTenantID)
		addText(c, "email", t.Account.Mail)
	}
}

// addApplication adds the claims of a token without a user, whose oid and sub are the service principal's.
func (i *Issuer) addApplication(c map[string]any, t *AccessToken, api scopes.API) {
	id := ids.Of("service principal", t.Tenant.ID, i.config.ClientID)
	c["oid"], c["sub"] = id, id
	if !api.NoIDType {
		c["idtyp"] = "app"
	}
	addList(c, "roles", t.Names)
}

func (i *Issuer) addUser(c map[string]any, t *AccessToken, api scopes.API) {
	c["scp"] = strings.Join(t.Names, " ")
	c["oid"], c["sub"] = t.Account.ID, pairwise(t.Account, api.AudienceClaim())
	c["name"], c["sid"] = t.Account.DisplayName, t.SID
	addList(c, "acrs", t.ACRs)
	roles := api.Roles[t.Account.UPN]
	if api.IsOf(i.config.ClientID) {
		roles = slices.Concat(roles, t.Account.Roles)
	}
	addList(c, "roles", roles)
}

func addList(c map[string]any, name string, list []string) {
	if len(list) > 0 {
		c[name] = list
	}
}
