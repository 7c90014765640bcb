package issuer

import (
	"github.com/fibermsal/fibermsal/entratest/internal/ids"
	"github.com/fibermsal/fibermsal/entratest/internal/scopes"
)

// addAgent turns the token into one of an agent identity, which has its own client ID
// (agent-token-claims.md of the documentation of Entra Agent ID). Facet 11 is an agent identity, and 13
// is the user account of one. The other facets are as observed.
func (i *Issuer) addAgent(c map[string]any, t *AccessToken, api scopes.API) {
	id := ids.Of("agent identity", t.Tenant.ID, i.config.ClientID)
	client := "azp"
	if api.IsVersion1() {
		client = "appid"
	}
	c[client] = id
	c["xms_par_app_azp"] = ids.Of("agent identity blueprint", i.config.ClientID)
	c["xms_act_fct"], c["xms_tnt_fct"] = "3 9 11", "3 9"
	switch {
	case t.Account == nil: // the agent itself
		c["oid"], c["sub"] = id, id
		c["xms_sub_fct"], c["xms_idrel"] = "9 3 11", "7 10"
		return
	case t.Account.Agent:
		c["xms_sub_fct"] = "3 13"
	default: // a person, on whose behalf it calls
		c["xms_sub_fct"] = "2 3"
	}
	c["xms_idrel"] = "1 8"
	if !api.NoIDType {
		c["idtyp"] = "user"
	}
}
