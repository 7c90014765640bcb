package entra

import (
	"errors"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

var variablePrefix = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// ConfigFromEnv reads a [Config] from environment variables. With the prefix FIBERMSAL, the field
// ClientID is read from FIBERMSAL_CLIENT_ID, and so on for each field that can be expressed as text. An
// empty variable counts as unset, and spaces around a value are ignored.
//
//	CLIENT_ID, CLIENT_SECRET, PREVIOUS_SECRETS
//	CERTIFICATE_FILE          PEM with certificate and key: see CertificateFile
//	FEDERATED_TOKEN_FILE      see WorkloadIdentity
//	WORKLOAD_IDENTITY         true: the token file in AZURE_FEDERATED_TOKEN_FILE
//	MANAGED_IDENTITY          system, or the identity's client ID: see ManagedIdentity
//	TENANT_ID, AUTHORITY, ALLOWED_TENANTS, ANY_TENANT_MAY_SIGN_IN, PERSONAL_ACCOUNTS_MAY_SIGN_IN
//	CLOUD                     public, us-government, us-dod, china, bleu, delos or gov-sg
//	GRAPH_URL, SCOPES, AUDIENCES, ANY_CLIENT_MAY_CALL
//	PUBLIC_URL, BASE_PATH, ROUTE_PREFIX, POST_LOGOUT_URL, COOKIE_NAME
//	RESPONSE_MODE             form_post or query
//	KEYS                      base64, 32 bytes each, newest first
//	REDIS_URL                 one server, a Cluster or Sentinels: Config.Storage, see RedisStorage
//	REDIS_CERTIFICATE_FILE    PEM with certificate and key, for a Redis that requires a client certificate
//	REDIS_ENTRA_USER          object ID of the app's service principal: see RedisEntraID
//	STORAGE_FILE              for a single server without Redis: see package embedded, which the app must import
//	CA_FILE                   PEM, trusted beside the system's: Config.HTTPClient and rediss://
//	IDLE_TIMEOUT, ABSOLUTE_TIMEOUT, STALE_SESSIONS_ON_OUTAGE
//	MAX_SESSIONS_PER_USER, CACHE_MEGABYTES
//	ANONYMOUS_ON_OUTAGE, RECORD_BROWSER, KEEP_FRAGMENT
//
// The items of a list are separated by commas or spaces. Durations look like 90m or 8h, numbers like
// 100, and switches are true or false. The value of each variable may instead be read from a file, such
// as a mounted secret: append _FILE to the name of the variable and set it to the path, such as
// FIBERMSAL_CLIENT_SECRET_FILE. One line break at the end of the file is ignored.
//
// Any other variable with the prefix is an error, because it is probably misspelled. If the app has
// variables of its own with the same prefix, pass their names, without the prefix, as others.
//
// The error joins a [*ConfigError] for each invalid variable, which contains its name and never its
// value. Its Field is empty if the variable is unknown and not similar to a known one. Missing fields
// and conflicts are reported only by Config.ValidateEnv and Open, so that code can first set what the
// environment left out.
//
// REDIS_URL and STORAGE_FILE open a storage. The caller must close it with Config.Storage.Close after
// closing the Auth. If ConfigFromEnv returns an error, no storage is open.
func ConfigFromEnv[C any](prefix string, others ...string) (Config[C], error) {
	cfg, err := configFromEnv(prefix, others)
	return convert[C](cfg), err
}

func configFromEnv(prefix string, others []string) (plainConfig, error) {
	if !variablePrefix.MatchString(prefix) {
		return plainConfig{}, errors.New("fibermsal: ConfigFromEnv: the prefix must be letters, digits and underscores, such as FIBERMSAL")
	}
	e := &environment{prefix: strings.TrimSuffix(prefix, "_") + "_", values: make(map[string]string), network: make(map[string]setting)}
	for _, entry := range os.Environ() {
		name, value, _ := strings.Cut(entry, "=")
		if short, ours := strings.CutPrefix(name, e.prefix); ours && strings.TrimSpace(value) != "" {
			e.values[short] = strings.TrimSpace(value)
		}
	}
	for _, v := range variables {
		e.read(v)
	}
	e.connect()
	for _, name := range slices.Sorted(maps.Keys(e.values)) {
		if !slices.Contains(others, name) {
			e.refuseUnknown(name)
		}
	}
	if len(e.problems) > 0 {
		return plainConfig{}, errors.Join(append(e.problems, e.closeStorage())...)
	}
	return e.cfg, nil
}

// read sets the field of a variable, if the variable is set.
func (e *environment) read(v variable) {
	name := v.name
	value, direct := e.take(name)
	if !v.namesFile() {
		file, mounted := e.take(v.name + fileSuffix)
		switch {
		case direct && mounted:
			e.refuse(v.name+fileSuffix, v.field, "is set together with %s%s; set only one of them", e.prefix, v.name)
			return
		case mounted:
			name += fileSuffix
			content, err := mountedText(file)
			if err != nil {
				e.refuse(name, v.field, "%v", err)
				return
			}
			value, direct = content, true
		}
	}
	if !direct {
		return
	}
	set := setters[v.name]
	if set == nil {
		e.network[v.name] = setting{name, value}
		return
	}
	before := e.cfg.Credential
	e.cfg.Credential = nil
	err := set(&e.cfg, value)
	switch {
	case err != nil:
		e.refuse(name, v.field, "%v", err)
	case before != nil && e.cfg.Credential != nil:
		e.refuse(name, v.field, "conflicts with another credential variable; set only one of them")
	case before != nil:
		e.cfg.Credential = before
	}
}
