package entra

import (
	"errors"
	"regexp"
	"strings"
)

// variable is a known environment variable, without the prefix, and the field that it sets.
type variable struct{ name, field string }

// variables are listed in the order in which they are read, because a managed identity depends on the
// cloud.
var variables = []variable{
	{"CLIENT_ID", "ClientID"},
	{"CLIENT_SECRET", "ClientSecret"},
	{"PREVIOUS_SECRETS", "PreviousSecrets"},
	{"TENANT_ID", "TenantID"},
	{"AUTHORITY", "Authority"},
	{"CLOUD", "Cloud"},
	{"ALLOWED_TENANTS", "AllowedTenants"},
	{"ANY_TENANT_MAY_SIGN_IN", "AnyTenantMaySignIn"},
	{"PERSONAL_ACCOUNTS_MAY_SIGN_IN", "PersonalAccountsMaySignIn"},
	{"CERTIFICATE_FILE", "Credential"},
	{"FEDERATED_TOKEN_FILE", "Credential"},
	{"WORKLOAD_IDENTITY", "Credential"},
	{"MANAGED_IDENTITY", "Credential"},
	{"SCOPES", "Scopes"},
	{"AUDIENCES", "Audiences"},
	{"ANY_CLIENT_MAY_CALL", "AnyClientMayCall"},
	{"PUBLIC_URL", "PublicURL"},
	{"BASE_PATH", "BasePath"},
	{"ROUTE_PREFIX", "RoutePrefix"},
	{"POST_LOGOUT_URL", "PostLogoutURL"},
	{"REDIS_URL", "Storage"},
	{"REDIS_CERTIFICATE_FILE", "Storage"},
	{"REDIS_ENTRA_USER", "Storage"},
	{"STORAGE_FILE", "Storage"},
	{"KEYS", "Keys"},
	{"COOKIE_NAME", "CookieName"},
	{"IDLE_TIMEOUT", "IdleTimeout"},
	{"ABSOLUTE_TIMEOUT", "AbsoluteTimeout"},
	{"MAX_SESSIONS_PER_USER", "MaxSessionsPerUser"},
	{"CACHE_MEGABYTES", "CacheMegabytes"},
	{"RESPONSE_MODE", "ResponseMode"},
	{"CA_FILE", "HTTPClient"},
	{"GRAPH_URL", "GraphURL"},
	{"STALE_SESSIONS_ON_OUTAGE", "StaleSessionsOnOutage"},
	{"RECORD_BROWSER", "RecordBrowser"},
	{"KEEP_FRAGMENT", "KeepFragment"},
	{"ANONYMOUS_ON_OUTAGE", "AnonymousOnOutage"},
}

const fileSuffix = "_FILE"

// namesFile reports whether the value is a path, so that there is no second variable with _FILE.
func (v variable) namesFile() bool { return strings.HasSuffix(v.name, fileSuffix) }

// names returns the known spellings.
func (v variable) names() []string {
	if v.namesFile() {
		return []string{v.name}
	}
	return []string{v.name, v.name + fileSuffix}
}

// EnvVariables returns the environment variables that set a field of a [Config], without the prefix,
// for messages. It leaves out the variants with _FILE.
func EnvVariables(field string) (names []string) {
	for _, v := range variables {
		if v.field == field {
			names = append(names, v.name)
		}
	}
	return names
}

// inWords joins the names of variables with commas and "or".
func inWords(prefix string, names []string) string {
	full := make([]string, len(names))
	for i, name := range names {
		full[i] = prefix + name
	}
	last := len(full) - 1
	if last == 0 {
		return full[0]
	}
	return strings.Join(full[:last], ", ") + " or " + full[last]
}

// withVariables returns an error about the fields of a Config with the names of environment variables
// instead of fields.
func withVariables(prefix string, err error) error {
	joined, isJoined := err.(interface{ Unwrap() []error })
	if !isJoined {
		return err
	}
	prefix = strings.TrimSuffix(prefix, "_") + "_"
	var all []error
	for _, problem := range joined.Unwrap() {
		all = append(all, withVariable(prefix, problem))
	}
	return errors.Join(all...)
}

func withVariable(prefix string, problem error) error {
	var wrong *ConfigError
	if !errors.As(problem, &wrong) || wrong.namesVariable {
		return problem
	}
	names := EnvVariables(wrong.Field)
	if len(names) == 0 {
		return problem // only code sets the field
	}
	return &ConfigError{Field: wrong.Field, Problem: inWords(prefix, names) + " " + fieldsInWords(prefix, wrong.Problem), namesVariable: true}
}

var word = regexp.MustCompile(`[A-Z][A-Za-z]+`)

// fieldsInWords replaces the names of fields in a text with those of their variables.
func fieldsInWords(prefix, text string) string {
	return word.ReplaceAllStringFunc(text, func(field string) string {
		if names := EnvVariables(field); len(names) > 0 {
			return inWords(prefix, names)
		}
		return field
	})
}
