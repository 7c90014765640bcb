package entra

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/returnto"
	"github.com/fibermsal/fibermsal/internal/sealed"
)

const (
	graphVersionSuffix = "/v1.0"
	maxMaxSessions     = 10_000
	maxCache           = 1_000_000
	maxStaleSessions   = 15 * time.Minute
)

// ConfigError is a problem with one field of a [Config]. Open joins the problems of all fields;
// errors.As finds the first, and the method Unwrap() []error of the joined error returns all.
type ConfigError struct {
	// Field is the name of the field. It is empty if the problem is not about a field.
	Field string
	// Problem describes what is wrong, without the value. It may begin with the name of the environment
	// variable that is wrong.
	Problem string

	namesVariable bool
}

// Error returns the field, the problem, and the environment variables that set the field.
func (e *ConfigError) Error() string {
	if e.Field == "" || e.namesVariable {
		return "fibermsal: " + e.Problem
	}
	text := "fibermsal: Config." + e.Field + ": " + e.Problem
	if names := EnvVariables(e.Field); len(names) > 0 {
		text += " (in the environment: " + inWords("…_", names) + ")"
	}
	return text
}

// problems are the problems with the fields of a Config.
type problems []error

func (p *problems) add(field, format string, args ...any) {
	*p = append(*p, &ConfigError{Field: field, Problem: fmt.Sprintf(format, args...)})
}

// problems returns the problems with the fields of a Config.
func (cfg Config[C]) problems(process Process) (p problems) {
	cfg.checkRegistration(&p)
	cfg.checkAddresses(&p)
	cfg.checkScopes(&p)
	cfg.checkAPI(&p)
	cfg.checkStorage(&p, process)
	cfg.checkTimes(&p)
	return p
}

var (
	tenantName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.\-]*$`)
	prefixPath  = regexp.MustCompile(`^(/[A-Za-z0-9_\-.~]*[A-Za-z0-9_\-~][A-Za-z0-9_\-.~]*)+$`) // no segment of dots only
	plainHost   = regexp.MustCompile(`^([A-Za-z0-9_\-.]+|\[[0-9A-Fa-f:.]+\])(:[1-9][0-9]*)?$`)
	cookieToken = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_\-.]{0,31}$`)
	clientName  = regexp.MustCompile(`^[A-Za-z0-9_\-.]{1,128}$`)
)

func (cfg Config[C]) checkRegistration(p *problems) {
	if !clientName.MatchString(cfg.ClientID) {
		p.add("ClientID", "is required: the application (client) ID of the registration")
	}
	switch {
	case cfg.ClientSecret == "" && cfg.Credential == nil:
		p.add("ClientSecret", "is required, or Credential instead")
	case cfg.ClientSecret != "" && cfg.Credential != nil:
		p.add("Credential", "is set together with ClientSecret; set only one of them")
	case cfg.ClientSecret == "" && len(cfg.PreviousSecrets) > 0:
		p.add("PreviousSecrets", "needs a ClientSecret")
	}
	if slices.Contains(cfg.PreviousSecrets, "") {
		p.add("PreviousSecrets", "contains an empty string")
	}
	if _, known := cfg.Cloud.Hosts(); cfg.Cloud != "" && !known {
		p.add("Cloud", "is not one of the constants")
	} else if known && cfg.Authority != "" && !cfg.Cloud.Contains(cfg.Authority) {
		p.add("Cloud", "is not the one that Authority is in")
	}
	cfg.checkTenants(p, cfg.checkAuthority(p))
}

// checkAuthority returns the tenant of the authority.
func (cfg Config[C]) checkAuthority(p *problems) (tenant string) {
	if field, problem := cfg.otherDirectory(); problem != "" {
		p.add(field, "%s", problem)
		return ""
	}
	switch {
	case cfg.TenantID == "" && cfg.Authority == "":
		p.add("TenantID", "is required, or Authority instead")
	case cfg.TenantID != "" && cfg.Authority != "":
		p.add("Authority", "is set together with TenantID; set only one of them")
	case cfg.TenantID != "":
		if !tenantName.MatchString(cfg.TenantID) {
			p.add("TenantID", "is neither a GUID nor a domain name")
		}
		return cfg.TenantID
	default:
		u, err := url.Parse(cfg.Authority)
		if err != nil || u.Scheme != "https" || u.Host == "" || rejectExtras(cfg.Authority, u) != nil ||
			!tenantName.MatchString(strings.TrimSuffix(strings.TrimPrefix(u.Path, "/"), "/")) {
			p.add("Authority", "must be https://{host}/{tenant}")
			return ""
		}
		return strings.Trim(u.Path, "/")
	}
	return ""
}

func isConsumers(tenant string) bool { return strings.EqualFold(tenant, "consumers") }

// isOfManyTenants reports whether the name of a tenant stands for several tenants.
func isOfManyTenants(tenant string) bool {
	return slices.Contains([]string{"common", "organizations", "consumers"}, strings.ToLower(tenant))
}

func (cfg Config[C]) checkTenants(p *problems, tenant string) {
	many := isOfManyTenants(tenant)
	switch {
	case cfg.PersonalAccountsMaySignIn && tenant != "" && !strings.EqualFold(tenant, "common") && !isConsumers(tenant):
		p.add("PersonalAccountsMaySignIn", "needs the tenant common, or consumers")
	case isConsumers(tenant) && cfg.PersonalAccountsMaySignIn:
	case isConsumers(tenant) && len(cfg.AllowedTenants) == 0 && !cfg.AnyTenantMaySignIn:
		p.add("PersonalAccountsMaySignIn", "is required with %q: without it anyone with a Microsoft account could sign in", tenant)
	case many && len(cfg.AllowedTenants) == 0 && !cfg.AnyTenantMaySignIn:
		p.add("AllowedTenants", "is required with %q, or AnyTenantMaySignIn: without them users of every tenant in the world could sign in", tenant)
	case !many && tenant != "" && cfg.AnyTenantMaySignIn:
		p.add("AnyTenantMaySignIn", "needs the tenant common or organizations")
	case len(cfg.AllowedTenants) > 0 && cfg.AnyTenantMaySignIn:
		p.add("AnyTenantMaySignIn", "is set together with AllowedTenants; set only one of them")
	case !many && tenant != "" && len(cfg.AllowedTenants) > 0:
		p.add("AllowedTenants", "needs the tenant common or organizations")
	}
	for i, t := range cfg.AllowedTenants {
		if !discovery.IsGUID(t) {
			p.add("AllowedTenants", "entry %d is not a GUID", i+1)
		}
	}
}

func (cfg Config[C]) checkAddresses(p *problems) {
	if u, err := secureURL(cfg.PublicURL); err != nil {
		p.add("PublicURL", "%v", err)
	} else if u.Path != "" && u.Path != "/" {
		p.add("PublicURL", "must be an origin without a path; BasePath and RoutePrefix are for paths")
	}
	if cfg.PostLogoutURL != "" {
		if _, err := secureURL(cfg.PostLogoutURL); err != nil {
			p.add("PostLogoutURL", "%v", err)
		}
	}
	if cfg.GraphURL != "" {
		u, err := secureURL(cfg.GraphURL)
		if err != nil {
			p.add("GraphURL", "%v", err)
		} else if !strings.HasSuffix(u.Path, graphVersionSuffix) {
			p.add("GraphURL", "must end in %s", graphVersionSuffix)
		}
	}
	if cfg.RoutePrefix != "" && !prefixPath.MatchString(cfg.RoutePrefix) {
		p.add("RoutePrefix", "must be a plain path such as /user, without a slash at the end")
	}
	if cfg.BasePath != "" && (!prefixPath.MatchString(cfg.BasePath) || returnto.Clean(cfg.BasePath) != cfg.BasePath) {
		p.add("BasePath", "must be a plain path such as /myapp, without a slash at the end")
	}
	if cfg.CookieName != "" && !cookieToken.MatchString(cfg.CookieName) {
		p.add("CookieName", "must be up to 32 letters, digits, dots, dashes or underscores; __Host- is added where it applies")
	}
	if cfg.ResponseMode != "" && cfg.ResponseMode != ResponseModeFormPost && cfg.ResponseMode != ResponseModeQuery {
		p.add("ResponseMode", "must be ResponseModeFormPost or ResponseModeQuery")
	}
}

// secureURL parses a URL that is https, or http on this machine. Its errors do not repeat the
// URL, which may contain credentials.
func secureURL(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, errors.New("is required")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Hostname() == "" {
		return nil, errors.New("is not an absolute URL")
	}
	if !plainHost.MatchString(u.Host) { // the host is compared with browsers' headers and becomes part of a Content-Security-Policy
		return nil, errors.New("must have its host as browsers send it: in ASCII, as xn--…, and with a port or without a colon")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !discovery.IsLoopback(u.Hostname())) {
		return nil, errors.New("must be https; plain http is accepted for localhost only")
	}
	return u, rejectExtras(raw, u)
}

// rejectExtras also examines the raw text, because parsing removes an empty fragment.
func rejectExtras(raw string, u *url.URL) error {
	if strings.ContainsFunc(u.Host, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return errors.New("must have its host in ASCII, as browsers send it: xn--…")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(raw, "#") {
		return errors.New("must have no user, query or fragment")
	}
	return nil
}

func (cfg Config[C]) checkScopes(p *problems) {
	for _, s := range cfg.Scopes {
		switch {
		case !isScope(s):
			p.add("Scopes", "contains %q, which is not a scope", s)
		case authority.IsReserved(s):
			p.add("Scopes", "contains %s, which is always requested; remove it", s)
		case authority.IsGeneral(s) && len(cfg.Scopes) > 1:
			p.add("Scopes", "contains %s, which cannot be combined with other scopes", s)
		}
	}
}

func (cfg Config[C]) checkAPI(p *problems) {
	for _, uri := range cfg.Audiences {
		if !isAppIDURI(uri) {
			p.add("Audiences", "contains %q, which is not an App ID URI such as api://… or https://…", uri)
		}
	}
	if cfg.APIMetadata == nil {
		return
	}
	if len(cfg.APIMetadata.Scopes) == 0 {
		p.add("APIMetadata", "has no Scopes: clients of Entra must request one")
	}
	for _, scope := range cfg.APIMetadata.Scopes {
		if !isScope(scope) {
			p.add("APIMetadata", "contains %q, which is not a scope", scope)
		}
	}
	if address := cfg.APIMetadata.Documentation; address != "" {
		if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" {
			p.add("APIMetadata", "has a Documentation that is not the address of a page")
		}
	}
}

// isAppIDURI reports whether a text can be the audience of a token. Registrations also allow schemes
// other than api and https, and the audience can also be the client ID.
func isAppIDURI(uri string) bool {
	if discovery.IsGUID(uri) {
		return true
	}
	u, err := url.Parse(uri)
	return err == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "") && isScope(uri) && !strings.HasSuffix(uri, "//")
}

// isScope reports whether a text has the characters of a scope (RFC 6749 section 3.3).
func isScope(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}

func (cfg Config[C]) checkStorage(p *problems, process Process) {
	if cfg.Storage == nil && process.SharesNoMemory {
		p.add("Storage", "is required with Prefork: the processes do not share memory")
	}
	_, embedded := cfg.Storage.(record.Embedded)
	if embedded && process.SharesNoMemory {
		p.add("Storage", "is a file that one process uses, which does not work with Prefork; use Redis")
	}
	if cfg.Storage != nil && len(cfg.Keys) == 0 && !embedded { // an embedded storage has a key of its own
		p.add("Keys", "is required with a Storage: what is stored must outlive this process; make a key with: openssl rand -base64 32")
	}
	for i, k := range cfg.Keys {
		switch {
		case len(k) != sealed.KeySize:
			p.add("Keys", "key %d has %d bytes instead of %d", i+1, len(k), sealed.KeySize)
		case len(slices.Compact(slices.Clone(k))) == 1:
			p.add("Keys", "key %d is one byte repeated; use random bytes", i+1)
		case slices.ContainsFunc(cfg.Keys[:i], func(other []byte) bool { return slices.Equal(k, other) }):
			p.add("Keys", "key %d is listed twice", i+1)
		}
	}
}

func (cfg Config[C]) checkTimes(p *problems) {
	if cfg.StaleSessionsOnOutage < 0 || cfg.StaleSessionsOnOutage > maxStaleSessions {
		p.add("StaleSessionsOnOutage", "must be between 0 and 15 minutes")
	}
	if cfg.MaxSessionsPerUser < 0 || cfg.MaxSessionsPerUser > maxMaxSessions {
		p.add("MaxSessionsPerUser", "must be between 1 and 10,000, or 0 for the default")
	}
	if cfg.CacheMegabytes < 0 || cfg.CacheMegabytes > maxCache {
		p.add("CacheMegabytes", "must be between 1 and 1,000,000, or 0 for the default")
	}
	if cfg.IdleTimeout != 0 && cfg.IdleTimeout < time.Second {
		p.add("IdleTimeout", "must be at least a second")
	}
	if cfg.AbsoluteTimeout != 0 && cfg.AbsoluteTimeout < max(cfg.IdleTimeout, time.Second) {
		p.add("AbsoluteTimeout", "must be at least a second and not shorter than IdleTimeout")
	}
}
