package entra

import "time"

// setters set the fields of a Config, by variable. The variables that are not listed are read by
// environment.connect.
var setters = map[string]func(*plainConfig, string) error{
	"CLIENT_ID":                     setText(func(c *plainConfig) *string { return &c.ClientID }),
	"CLIENT_SECRET":                 setText(func(c *plainConfig) *string { return &c.ClientSecret }),
	"PREVIOUS_SECRETS":              setList(func(c *plainConfig) *[]string { return &c.PreviousSecrets }),
	"TENANT_ID":                     setText(func(c *plainConfig) *string { return &c.TenantID }),
	"AUTHORITY":                     setText(func(c *plainConfig) *string { return &c.Authority }),
	"CLOUD":                         setOneOf(func(c *plainConfig) *Cloud { return &c.Cloud }, PublicCloud, USGovernmentCloud, USDoDCloud, ChinaCloud, BleuCloud, DelosCloud, GovSGCloud),
	"ALLOWED_TENANTS":               setList(func(c *plainConfig) *[]string { return &c.AllowedTenants }),
	"ANY_TENANT_MAY_SIGN_IN":        setFlag(func(c *plainConfig) *bool { return &c.AnyTenantMaySignIn }),
	"PERSONAL_ACCOUNTS_MAY_SIGN_IN": setFlag(func(c *plainConfig) *bool { return &c.PersonalAccountsMaySignIn }),
	"CERTIFICATE_FILE":              setCertificate,
	"FEDERATED_TOKEN_FILE":          setFederatedToken,
	"WORKLOAD_IDENTITY":             setWorkloadIdentity,
	"MANAGED_IDENTITY":              setManagedIdentity,
	"SCOPES":                        setList(func(c *plainConfig) *[]string { return &c.Scopes }),
	"AUDIENCES":                     setList(func(c *plainConfig) *[]string { return &c.Audiences }),
	"ANY_CLIENT_MAY_CALL":           setFlag(func(c *plainConfig) *bool { return &c.AnyClientMayCall }),
	"PUBLIC_URL":                    setText(func(c *plainConfig) *string { return &c.PublicURL }),
	"BASE_PATH":                     setText(func(c *plainConfig) *string { return &c.BasePath }),
	"ROUTE_PREFIX":                  setText(func(c *plainConfig) *string { return &c.RoutePrefix }),
	"POST_LOGOUT_URL":               setText(func(c *plainConfig) *string { return &c.PostLogoutURL }),
	"KEYS":                          setKeys,
	"COOKIE_NAME":                   setText(func(c *plainConfig) *string { return &c.CookieName }),
	"IDLE_TIMEOUT":                  setDuration(func(c *plainConfig) *time.Duration { return &c.IdleTimeout }),
	"ABSOLUTE_TIMEOUT":              setDuration(func(c *plainConfig) *time.Duration { return &c.AbsoluteTimeout }),
	"MAX_SESSIONS_PER_USER":         setNumber(func(c *plainConfig) *int { return &c.MaxSessionsPerUser }),
	"CACHE_MEGABYTES":               setNumber(func(c *plainConfig) *int { return &c.CacheMegabytes }),
	"RESPONSE_MODE":                 setOneOf(func(c *plainConfig) *ResponseMode { return &c.ResponseMode }, ResponseModeFormPost, ResponseModeQuery),
	"GRAPH_URL":                     setText(func(c *plainConfig) *string { return &c.GraphURL }),
	"STALE_SESSIONS_ON_OUTAGE":      setDuration(func(c *plainConfig) *time.Duration { return &c.StaleSessionsOnOutage }),
	"RECORD_BROWSER":                setFlag(func(c *plainConfig) *bool { return &c.RecordBrowser }),
	"KEEP_FRAGMENT":                 setFlag(func(c *plainConfig) *bool { return &c.KeepFragment }),
	"ANONYMOUS_ON_OUTAGE":           setFlag(func(c *plainConfig) *bool { return &c.AnonymousOnOutage }),
}
