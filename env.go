package fibermsal

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ConfigFromEnv reads a [Config] from the environment: with the prefix FIBERMSAL, the
// field ClientID is FIBERMSAL_CLIENT_ID, and so on for each field that text can say.
// A variable that is empty counts as unset, and spaces around a value do not count.
//
//	CLIENT_ID, CLIENT_SECRET, PREVIOUS_SECRETS
//	CERTIFICATE_FILE          PEM with certificate and key: see CertificateFile
//	FEDERATED_TOKEN_FILE      see WorkloadIdentity
//	WORKLOAD_IDENTITY         true: the token file in AZURE_FEDERATED_TOKEN_FILE
//	MANAGED_IDENTITY          system, or the identity's client id: see ManagedIdentity
//	TENANT_ID, AUTHORITY, ALLOWED_TENANTS, ANY_TENANT_MAY_SIGN_IN
//	CLOUD                     public, us-government, us-dod or china
//	GRAPH_URL, SCOPES
//	PUBLIC_URL, ROUTE_PREFIX, POST_LOGOUT_URL, COOKIE_NAME
//	RESPONSE_MODE             form_post or query
//	KEYS                      base64, 32 bytes each, newest first
//	REDIS_URL                 one server, a Cluster or Sentinels: Config.Storage, see RedisStorage
//	REDIS_CERTIFICATE_FILE    PEM with certificate and key, for a Redis that wants a client certificate
//	REDIS_ENTRA_USER          object ID of the app's service principal: see RedisEntraID
//	CA_FILE                   PEM, trusted beside the system's: Config.HTTPClient and rediss://
//	IDLE_TIMEOUT, ABSOLUTE_TIMEOUT, STALE_SESSIONS_ON_OUTAGE
//	MAX_SESSIONS_PER_USER
//	ANONYMOUS_ON_OUTAGE, RECORD_BROWSER
//
// Lists have commas or spaces between; durations look like 90m or 8h, numbers like 100; switches are true
// or false. Each variable may instead name a file, as secrets are mounted, by _FILE at
// its end: FIBERMSAL_CLIENT_SECRET_FILE. Of the file's text one line break at the end
// does not count.
//
// The prefix belongs to this library: any other variable that begins with it is an
// error, because most are spelling mistakes. Others names the app's own, without the
// prefix.
//
// The error joins a [*ConfigError] for each variable that is wrong, which names it and
// never its value; its Field is empty for one that is unknown and like no other. What is missing, and what does not go together, [Open] says, so that
// code may complete what the environment left out.
//
// REDIS_URL makes a storage that is the caller's to close, when the Auth is closed, by
// Config.Storage.Close. With an error there is none.
func ConfigFromEnv(prefix string, others ...string) (Config, error) {
	if !variablePrefix.MatchString(prefix) {
		return Config{}, errors.New("fibermsal: ConfigFromEnv: the prefix must be letters, digits and underscores, such as FIBERMSAL")
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
		return Config{}, errors.Join(append(e.problems, e.closeStorage())...)
	}
	return e.cfg, nil
}

var variablePrefix = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// variable is one that is known.
type variable struct {
	name, field string
	set         func(*Config, string) error // nil: see environment.connect
}

// variables come in the order in which they are set: a managed identity depends on the
// cloud.
var variables = []variable{
	{"CLIENT_ID", "ClientID", setText(func(c *Config) *string { return &c.ClientID })},
	{"CLIENT_SECRET", "ClientSecret", setText(func(c *Config) *string { return &c.ClientSecret })},
	{"PREVIOUS_SECRETS", "PreviousSecrets", setList(func(c *Config) *[]string { return &c.PreviousSecrets })},
	{"TENANT_ID", "TenantID", setText(func(c *Config) *string { return &c.TenantID })},
	{"AUTHORITY", "Authority", setText(func(c *Config) *string { return &c.Authority })},
	{"CLOUD", "Cloud", setOneOf(func(c *Config) *Cloud { return &c.Cloud }, PublicCloud, USGovernmentCloud, USDoDCloud, ChinaCloud)},
	{"ALLOWED_TENANTS", "AllowedTenants", setList(func(c *Config) *[]string { return &c.AllowedTenants })},
	{"ANY_TENANT_MAY_SIGN_IN", "AnyTenantMaySignIn", setFlag(func(c *Config) *bool { return &c.AnyTenantMaySignIn })},
	{"CERTIFICATE_FILE", "Credential", setCertificate},
	{"FEDERATED_TOKEN_FILE", "Credential", setFederatedToken},
	{"WORKLOAD_IDENTITY", "Credential", setWorkloadIdentity},
	{"MANAGED_IDENTITY", "Credential", setManagedIdentity},
	{"SCOPES", "Scopes", setList(func(c *Config) *[]string { return &c.Scopes })},
	{"PUBLIC_URL", "PublicURL", setText(func(c *Config) *string { return &c.PublicURL })},
	{"ROUTE_PREFIX", "RoutePrefix", setText(func(c *Config) *string { return &c.RoutePrefix })},
	{"POST_LOGOUT_URL", "PostLogoutURL", setText(func(c *Config) *string { return &c.PostLogoutURL })},
	{"REDIS_URL", "Storage", nil},
	{"REDIS_CERTIFICATE_FILE", "Storage", nil},
	{"REDIS_ENTRA_USER", "Storage", nil},
	{"KEYS", "Keys", setKeys},
	{"COOKIE_NAME", "CookieName", setText(func(c *Config) *string { return &c.CookieName })},
	{"IDLE_TIMEOUT", "IdleTimeout", setDuration(func(c *Config) *time.Duration { return &c.IdleTimeout })},
	{"ABSOLUTE_TIMEOUT", "AbsoluteTimeout", setDuration(func(c *Config) *time.Duration { return &c.AbsoluteTimeout })},
	{"MAX_SESSIONS_PER_USER", "MaxSessionsPerUser", setNumber(func(c *Config) *int { return &c.MaxSessionsPerUser })},
	{"RESPONSE_MODE", "ResponseMode", setOneOf(func(c *Config) *ResponseMode { return &c.ResponseMode }, FormPost, Query)},
	{"CA_FILE", "HTTPClient", nil},
	{"GRAPH_URL", "GraphURL", setText(func(c *Config) *string { return &c.GraphURL })},
	{"STALE_SESSIONS_ON_OUTAGE", "StaleSessionsOnOutage", setDuration(func(c *Config) *time.Duration { return &c.StaleSessionsOnOutage })},
	{"RECORD_BROWSER", "RecordBrowser", setFlag(func(c *Config) *bool { return &c.RecordBrowser })},
	{"ANONYMOUS_ON_OUTAGE", "AnonymousOnOutage", setFlag(func(c *Config) *bool { return &c.AnonymousOnOutage })},
}

const fileSuffix = "_FILE"

// namesFile reports whether the value is a path already, so that there is no second
// variable with _FILE.
func (v variable) namesFile() bool { return strings.HasSuffix(v.name, fileSuffix) }

// names are the spellings that are known.
func (v variable) names() []string {
	if v.namesFile() {
		return []string{v.name}
	}
	return []string{v.name, v.name + fileSuffix}
}

// environment becomes a Config.
type environment struct {
	prefix   string
	values   map[string]string  // what nobody has read yet, without the prefix
	network  map[string]setting // what connect needs, by name
	cfg      Config
	problems problems
}

func (e *environment) refuse(name, field, format string, args ...any) {
	e.problems.add(field, "%s%s %s", e.prefix, name, fmt.Sprintf(format, args...))
}

// read sets the field of a variable, if that is in the environment.
func (e *environment) read(v variable) {
	name := v.name
	value, direct := e.take(name)
	if !v.namesFile() {
		file, mounted := e.take(v.name + fileSuffix)
		switch {
		case direct && mounted:
			e.refuse(v.name+fileSuffix, v.field, "is set beside %s%s: keep one of them", e.prefix, v.name)
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
	if v.set == nil {
		e.network[v.name] = setting{name, value}
		return
	}
	before := e.cfg.Credential
	e.cfg.Credential = nil
	err := v.set(&e.cfg, value)
	switch {
	case err != nil:
		e.refuse(name, v.field, "%v", err)
	case before != nil && e.cfg.Credential != nil:
		e.refuse(name, v.field, "is the second variable that says how the app proves its identity: keep one of them")
	case before != nil:
		e.cfg.Credential = before
	}
}

func (e *environment) take(name string) (value string, ok bool) {
	value, ok = e.values[name]
	delete(e.values, name)
	return value, ok
}

// mountedText is what a file says. Errors do not repeat its name, which may be the
// secret itself, put into the wrong variable.
func mountedText(path string) (string, error) {
	raw, err := os.ReadFile(path) //nolint:gosec // the operator's own
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", withoutPath(err))
	}
	content := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if content == "" {
		return "", errors.New("names a file that is empty")
	}
	return content, nil
}

func withoutPath(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// refuseUnknown names the variable that was probably meant: one of which less than half
// the letters differ. What is near none is likely the app's own.
func (e *environment) refuseUnknown(name string) {
	var nearest, field string
	best := -1
	for _, v := range variables {
		for _, known := range v.names() {
			if d := distance(name, known); best < 0 || d < best {
				best, nearest, field = d, known, v.field
			}
		}
	}
	if 2*best >= len(name) {
		e.refuse(name, "", "is not known, nor near one that is; if it is the app's own, name it to ConfigFromEnv, and to cmd/fibermsal by -own")
		return
	}
	e.refuse(name, field, "is not known; the nearest is %s%s", e.prefix, nearest)
}

// distance is how many letters have to be changed, added or left out to make one name
// of another (Levenshtein's).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}

func (e *environment) closeStorage() error {
	if e.cfg.Storage == nil {
		return nil
	}
	return e.cfg.Storage.Close()
}

// Ways to set a field.

func setText(field func(*Config) *string) func(*Config, string) error {
	return func(cfg *Config, value string) error {
		*field(cfg) = value
		return nil
	}
}

func setList(field func(*Config) *[]string) func(*Config, string) error {
	return func(cfg *Config, value string) error {
		*field(cfg) = listed(value)
		return nil
	}
}

// listed takes a list apart. A file has line breaks between.
func listed(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
}

func setFlag(field func(*Config) *bool) func(*Config, string) error {
	return func(cfg *Config, value string) error {
		on, err := strconv.ParseBool(value)
		if err != nil {
			return errors.New("must be true or false")
		}
		*field(cfg) = on
		return nil
	}
}

func setDuration(field func(*Config) *time.Duration) func(*Config, string) error {
	return func(cfg *Config, value string) error {
		d, err := time.ParseDuration(value)
		if err != nil {
			return errors.New("must be a duration such as 90m or 8h")
		}
		*field(cfg) = d
		return nil
	}
}

func setNumber(field func(*Config) *int) func(*Config, string) error {
	return func(cfg *Config, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil {
			return errors.New("must be a whole number")
		}
		*field(cfg) = n
		return nil
	}
}

func setOneOf[T ~string](field func(*Config) *T, values ...T) func(*Config, string) error {
	return func(cfg *Config, value string) error {
		if !slices.Contains(values, T(value)) {
			return fmt.Errorf("must be %s", either(values))
		}
		*field(cfg) = T(value)
		return nil
	}
}

// either lists two values or more as a sentence does.
func either[T ~string](values []T) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(value)
	}
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}

// setKeys leaves the keys' length to Open, which sees those of code as well.
func setKeys(cfg *Config, value string) error {
	for i, encoded := range listed(value) {
		key, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return fmt.Errorf("is not base64 in key %d; make one with: openssl rand -base64 32", i+1)
		}
		cfg.Keys = append(cfg.Keys, key)
	}
	return nil
}

// setCertificate reads the file once, for a mistake shows better now than when the first
// user signs in.
func setCertificate(cfg *Config, file string) error {
	credential := CertificateFile(file)
	if _, err := credential(context.Background()); err != nil {
		return fmt.Errorf("cannot be used: %w", withoutPath(err))
	}
	cfg.Credential = credential
	return nil
}

func setFederatedToken(cfg *Config, file string) error {
	cfg.Credential = WorkloadIdentity(file)
	return nil
}

func setWorkloadIdentity(cfg *Config, value string) error {
	switch on, err := strconv.ParseBool(value); {
	case err != nil:
		return errors.New("must be true or false")
	case on && os.Getenv("AZURE_FEDERATED_TOKEN_FILE") == "":
		return errors.New("needs AZURE_FEDERATED_TOKEN_FILE, which the platform sets")
	case on:
		cfg.Credential = WorkloadIdentity("")
	}
	return nil
}

func setManagedIdentity(cfg *Config, value string) error {
	if value == "system" {
		value = ""
	} else if !clientName.MatchString(value) {
		return errors.New("must be system, or the client id of an identity")
	}
	cfg.Credential = ManagedIdentity(value, cmp.Or(cfg.Cloud, cloudOf(cfg.Authority)))
	return nil
}

// cloudOf is the cloud that an authority is in, as hostsOf has it.
func cloudOf(authority string) Cloud {
	for _, cloud := range []Cloud{USGovernmentCloud, ChinaCloud} {
		if strings.EqualFold(hostOf(authority), clouds[cloud].login) {
			return cloud
		}
	}
	return PublicCloud
}
