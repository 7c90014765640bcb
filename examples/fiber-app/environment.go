package main

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal"
)

// The variables of this app. All others are the library's: see fibermsal.ConfigFromEnv.
const (
	varPort = "PORT" // default: 3000; 0 selects any free port
	varCert = prefix + "TLS_CERT_FILE"
	varKey  = prefix + "TLS_KEY_FILE" // together with varCert, serves https
	// The port of the emulator's pages, for machines whose ports are forwarded individually. Default:
	// any free port.
	varEmulatorPort = prefix + "EMULATOR_PORT"
)

// The variables of the library that this app treats specially.
const (
	prefix = "FIBERMSAL_"

	varClientID  = prefix + "CLIENT_ID"
	varSecret    = prefix + "CLIENT_SECRET"
	varTenant    = prefix + "TENANT_ID"
	varAuthority = prefix + "AUTHORITY"
	varTenants   = prefix + "ALLOWED_TENANTS"
	varGraphURL  = prefix + "GRAPH_URL"
	varPublicURL = prefix + "PUBLIC_URL"
	varRoutes    = prefix + "ROUTE_PREFIX"
	varBase      = prefix + "BASE_PATH"
)

// identity are the variables that imply a real tenant. If none of them is set, and neither is a client
// ID or a public URL outside this machine, the emulator is used.
var identity = []string{
	varSecret, prefix + "PREVIOUS_SECRETS", prefix + "CERTIFICATE_FILE", prefix + "FEDERATED_TOKEN_FILE",
	prefix + "WORKLOAD_IDENTITY", prefix + "MANAGED_IDENTITY", varTenant, varAuthority, varTenants,
	prefix + "ANY_TENANT_MAY_SIGN_IN", prefix + "PERSONAL_ACCOUNTS_MAY_SIGN_IN", prefix + "CLOUD", varGraphURL,
}

// environmentError contains all mistakes in the environment.
type environmentError struct{ mistakes []string }

// Error lists the mistakes, one per line. It contains no secrets.
func (e *environmentError) Error() string {
	return "fiber-app: invalid environment:\n  " + strings.Join(e.mistakes, "\n  ")
}

func get(name string) string { return strings.TrimSpace(os.Getenv(name)) }

// isSet reports whether a variable, or the variant that names a mounted file, is set.
func isSet(name string) bool { return get(name) != "" || get(name+"_FILE") != "" }

// reasons returns the variables that are set and imply a real tenant.
func reasons(publicURL string) (names []string) {
	for _, name := range identity {
		if isSet(name) {
			names = append(names, name)
		}
	}
	// The library reports a URL without a host.
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" && !isLocal(u.Hostname()) {
		names = append(names, varPublicURL)
	}
	return names
}

// isLocal reports whether browsers resolve the host to their own machine.
func isLocal(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "127.0.0.1" || host == "::1"
}

// reader reads variables and collects mistakes.
type reader struct {
	mistakes []string
	wrong    map[string]bool
	partial  bool // some variables could not be read
}

// refuse adds a mistake, unless there is already one for the same variable.
func (r *reader) refuse(name, format string, args ...any) {
	if !r.wrong[name] {
		r.wrong[name] = true
		r.mistakes = append(r.mistakes, name+": "+fmt.Sprintf(format, args...))
	}
}

func (r *reader) port(name string, standard int) int {
	raw := get(name)
	if raw == "" {
		return standard
	}
	port, err := strconv.ParseUint(raw, 10, 16)
	if err != nil {
		r.refuse(name, "is not a port number")
	}
	return int(port)
}

func (r *reader) certificate() *tls.Config {
	cert, key := get(varCert), get(varKey)
	switch {
	case cert == "" && key == "":
		return nil
	case cert == "":
		r.refuse(varCert, "is required with %s", varKey)
		return nil
	case key == "":
		r.refuse(varKey, "is required with %s", varCert)
		return nil
	}
	if strings.HasPrefix(get(varPublicURL), "http://") {
		r.refuse(varPublicURL, "must begin with https:// when %s is set", varCert)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		r.refuse(varCert, "does not match %s: %v", varKey, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

// config reads fibermsal's variables. If some of them are invalid, there is no Config; it then uses the
// plain text variables to look for further mistakes.
func (r *reader) config() fibermsal.Config {
	cfg, err := fibermsal.ConfigFromEnv(prefix, "TLS_CERT_FILE", "TLS_KEY_FILE", "EMULATOR_PORT")
	if err != nil {
		r.refuseAll(err)
		r.partial = true
		cfg = fibermsal.Config{
			ClientID: get(varClientID), ClientSecret: get(varSecret), TenantID: get(varTenant),
			Authority: get(varAuthority), GraphURL: get(varGraphURL), PublicURL: get(varPublicURL),
		}
	}
	if !slices.Contains([]string{"", routesPath, cfg.BasePath + routesPath}, cfg.RoutePrefix) {
		r.refuse(varRoutes, "must end in %s, to which the pages of this app lead, after %s if the proxy keeps that", routesPath, varBase)
	}
	return cfg
}

// askLibrary lets fibermsal check the combination of settings.
func (r *reader) askLibrary(s settings) {
	if s.emulated { // placeholders for the values that startEmulator sets
		s.auth.ClientID, s.auth.ClientSecret, s.auth.TenantID = "emulator", "emulator", "emulator"
		s.auth.PublicURL = cmp.Or(s.auth.PublicURL, "http://localhost")
	} else if !isSet(varClientID) {
		r.refuse(varClientID, "is required, because of %s; unset that to use the emulator", strings.Join(reasons(s.auth.PublicURL), ", "))
	}
	auth, err := fibermsal.Open(s.auth)
	if err == nil {
		err = auth.Close()
	}
	r.refuseAll(err)
}

// refuseAll adds fibermsal's errors about a Config, with the names of variables instead of fields.
func (r *reader) refuseAll(err error) {
	for _, mistake := range apart(err) {
		var wrong *fibermsal.ConfigError
		if !errors.As(mistake, &wrong) {
			r.mistakes = append(r.mistakes, mistake.Error())
			continue
		}
		name, problem := variableOf(wrong.Field), wrong.Problem
		if strings.HasPrefix(problem, prefix) { // the problem begins with the variable
			name, problem, _ = strings.Cut(problem, " ")
		}
		if name == varTenants && !isSet(varTenants) {
			name, problem = varTenant, "must name one tenant, not a group of them such as common"
			if !isSet(varTenant) {
				name = varAuthority
			}
		}
		if !r.partial || get(name+"_FILE") == "" { // otherwise the variable was not read
			r.refuse(name, "%s", problem)
		}
	}
}

// apart returns the errors in a joined error.
func apart(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return slices.DeleteFunc([]error{err}, func(err error) bool { return err == nil })
}

var wordBegins = regexp.MustCompile(`([a-z])([A-Z])`)

// variableOf returns the variable that sets a field of Config.
func variableOf(field string) string {
	switch field {
	case "Storage":
		return prefix + "REDIS_URL"
	case "HTTPClient":
		return prefix + "CA_FILE"
	}
	return prefix + strings.ToUpper(wordBegins.ReplaceAllString(field, "${1}_$2"))
}
