package entra

import (
	"strings"
	"time"
)

// variable is a known one.
type variable struct {
	name, field string
	set         func(*plainConfig, string) error // nil: see environment.connect
}

// variables come in the order in which they are set: a managed identity depends on the
// cloud.
var variables = []variable{
	{"CLIENT_ID", "ClientID", setText(func(c *plainConfig) *string { return &c.ClientID })},
	{"CLIENT_SECRET", "ClientSecret", setText(func(c *plainConfig) *string { return &c.ClientSecret })},
	{"PREVIOUS_SECRETS", "PreviousSecrets", setList(func(c *plainConfig) *[]string { return &c.PreviousSecrets })},
	{"TENANT_ID", "TenantID", setText(func(c *plainConfig) *string { return &c.TenantID })},
	{"AUTHORITY", "Authority", setText(func(c *plainConfig) *string { return &c.Authority })},
	{"CLOUD", "Cloud", setOneOf(func(c *plainConfig) *Cloud { return &c.Cloud }, PublicCloud, USGovernmentCloud, USDoDCloud, ChinaCloud, BleuCloud, DelosCloud, GovSGCloud)},
	{"ALLOWED_TENANTS", "AllowedTenants", setList(func(c *plainConfig) *[]string { return &c.AllowedTenants })},
	{"ANY_TENANT_MAY_SIGN_IN", "AnyTenantMaySignIn", setFlag(func(c *plainConfig) *bool { return &c.AnyTenantMaySignIn })},
	{"PERSONAL_ACCOUNTS_MAY_SIGN_IN", "PersonalAccountsMaySignIn", setFlag(func(c *plainConfig) *bool { return &c.PersonalAccountsMaySignIn })},
	{"CERTIFICATE_FILE", "Credential", setCertificate},
	{"FEDERATED_TOKEN_FILE", "Credential", setFederatedToken},
	{"WORKLOAD_IDENTITY", "Credential", setWorkloadIdentity},
	{"MANAGED_IDENTITY", "Credential", setManagedIdentity},
	{"SCOPES", "Scopes", setList(func(c *plainConfig) *[]string { return &c.Scopes })},
	{"PUBLIC_URL", "PublicURL", setText(func(c *plainConfig) *string { return &c.PublicURL })},
	{"BASE_PATH", "BasePath", setText(func(c *plainConfig) *string { return &c.BasePath })},
	{"ROUTE_PREFIX", "RoutePrefix", setText(func(c *plainConfig) *string { return &c.RoutePrefix })},
	{"POST_LOGOUT_URL", "PostLogoutURL", setText(func(c *plainConfig) *string { return &c.PostLogoutURL })},
	{"REDIS_URL", "Storage", nil},
	{"REDIS_CERTIFICATE_FILE", "Storage", nil},
	{"REDIS_ENTRA_USER", "Storage", nil},
	{"STORAGE_FILE", "Storage", nil},
	{"KEYS", "Keys", setKeys},
	{"COOKIE_NAME", "CookieName", setText(func(c *plainConfig) *string { return &c.CookieName })},
	{"IDLE_TIMEOUT", "IdleTimeout", setDuration(func(c *plainConfig) *time.Duration { return &c.IdleTimeout })},
	{"ABSOLUTE_TIMEOUT", "AbsoluteTimeout", setDuration(func(c *plainConfig) *time.Duration { return &c.AbsoluteTimeout })},
	{"MAX_SESSIONS_PER_USER", "MaxSessionsPerUser", setNumber(func(c *plainConfig) *int { return &c.MaxSessionsPerUser })},
	{"RESPONSE_MODE", "ResponseMode", setOneOf(func(c *plainConfig) *ResponseMode { return &c.ResponseMode }, ResponseModeFormPost, ResponseModeQuery)},
	{"CA_FILE", "HTTPClient", nil},
	{"GRAPH_URL", "GraphURL", setText(func(c *plainConfig) *string { return &c.GraphURL })},
	{"STALE_SESSIONS_ON_OUTAGE", "StaleSessionsOnOutage", setDuration(func(c *plainConfig) *time.Duration { return &c.StaleSessionsOnOutage })},
	{"RECORD_BROWSER", "RecordBrowser", setFlag(func(c *plainConfig) *bool { return &c.RecordBrowser })},
	{"KEEP_FRAGMENT", "KeepFragment", setFlag(func(c *plainConfig) *bool { return &c.KeepFragment })},
	{"ANONYMOUS_ON_OUTAGE", "AnonymousOnOutage", setFlag(func(c *plainConfig) *bool { return &c.AnonymousOnOutage })},
}

const fileSuffix = "_FILE"

// namesFile reports whether the value is a path already, so there is no second variable with
// _FILE.
func (v variable) namesFile() bool { return strings.HasSuffix(v.name, fileSuffix) }

// names returns the known spellings.
func (v variable) names() []string {
	if v.namesFile() {
		return []string{v.name}
	}
	return []string{v.name, v.name + fileSuffix}
}

// EnvVariables returns the variables that set a field of a [Config], without the prefix and
// without those that name a file instead, for messages about a Config from the environment.
func EnvVariables(field string) (names []string) {
	for _, v := range variables {
		if v.field == field {
			names = append(names, v.name)
		}
	}
	return names
}
