package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/graph"
)

// The environment. Whoever sets one of the first five means a real tenant; with
// none of them, and no public URL beyond this machine, the emulator is used.
const (
	varClientID  = "FIBERMSAL_CLIENT_ID"     // application (client) ID of the registration
	varSecret    = "FIBERMSAL_CLIENT_SECRET" // a client secret of it
	varTenant    = "FIBERMSAL_TENANT_ID"     // GUID or domain; or the next
	varAuthority = "FIBERMSAL_AUTHORITY"     // https://{host}/{tenant}, for national clouds
	varGraphURL  = "FIBERMSAL_GRAPH_URL"     // ends in /v1.0; default: the public cloud's

	varPublicURL = "FIBERMSAL_PUBLIC_URL"    // the app's origin in the browser
	varKeys      = "FIBERMSAL_KEYS"          // base64, 32 bytes each, comma between, newest first
	varMode      = "FIBERMSAL_RESPONSE_MODE" // form_post or query
	varRedis     = "FIBERMSAL_REDIS_URL"     // redis://…; needs keys; default: memory
	varCA        = "FIBERMSAL_CA_FILE"       // PEM, trusted beside the system's
	varPort      = "PORT"                    // default 3000; 0 is any free one
	varCert      = "FIBERMSAL_TLS_CERT_FILE" // with the next: serve https
	varKey       = "FIBERMSAL_TLS_KEY_FILE"
	// The port of the emulator's pages, for machines whose ports are forwarded one
	// by one; default: any free one.
	varEmulatorPort = "FIBERMSAL_EMULATOR_PORT"
)

const (
	defaultPort = 3000
	makeKey     = "make one with: openssl rand -base64 32"
)

// settings is what the environment says.
type settings struct {
	auth         fibermsal.Config
	emulated     bool
	port         int
	emulatorPort int
	tls          *tls.Config // nil for plain http
	accessLog    io.Writer
}

// environmentError is everything that is wrong with the environment.
type environmentError struct{ mistakes []string }

// Error lists the mistakes, one a line. It repeats no secret.
func (e *environmentError) Error() string {
	return "fiber-app: the environment is not right:\n  " + strings.Join(e.mistakes, "\n  ")
}

// settingsFrom reads the environment. The error is an [*environmentError].
func settingsFrom(getenv func(string) string) (*settings, error) {
	r := &reader{getenv: getenv, wrong: map[string]bool{}}
	s := &settings{
		port: r.port(varPort, defaultPort), emulatorPort: r.port(varEmulatorPort, 0), tls: r.certificate(),
		auth: fibermsal.Config{
			ClientID: r.get(varClientID), ClientSecret: r.get(varSecret),
			TenantID: r.get(varTenant), Authority: r.get(varAuthority), GraphURL: r.get(varGraphURL),
			PublicURL: r.get(varPublicURL), ResponseMode: r.responseMode(), Keys: r.keys(), HTTPClient: r.client(),
			// The defaults of fibermsal, set so that the session page can show them.
			IdleTimeout: 8 * time.Hour, AbsoluteTimeout: 24 * time.Hour,
			OnSignIn: graph.Profile,
		},
	}
	s.emulated = !r.meansRealTenant()
	if !s.emulated {
		r.requireRegistration()
	}
	if redisURL := r.get(varRedis); redisURL != "" {
		if storage, err := fibermsal.RedisStorage(redisURL); err != nil {
			r.refuse(varRedis, "is not a URL of the form redis://user:password@host:6379/0")
		} else {
			s.auth.Storage = storage // not before err is known: a nil *Storage is no nil fiber.Storage
		}
		if len(s.auth.Keys) == 0 {
			r.refuse(varKeys, "is required with %s, for what is stored outlives this process; %s", varRedis, makeKey)
		}
	}
	r.askLibrary(*s)
	if len(r.mistakes) == 0 {
		return s, nil
	}
	err := error(&environmentError{r.mistakes})
	if s.auth.Storage != nil {
		err = errors.Join(err, s.auth.Storage.Close())
	}
	return nil, err
}

// completePublicURL fills in what only the open port tells.
func (s *settings) completePublicURL(address net.Addr) {
	if s.auth.PublicURL != "" {
		return
	}
	_, port, _ := net.SplitHostPort(address.String()) // the address of a listener has a port
	scheme := "http"
	if s.tls != nil {
		scheme = "https"
	}
	s.auth.PublicURL = scheme + "://localhost:" + port
}

func (s *settings) redirectURI() string {
	return strings.TrimSuffix(s.auth.PublicURL, "/") + "/user/authorized"
}

func (s *settings) storageKind() string {
	if s.auth.Storage == nil {
		return "the memory of this process"
	}
	return "Redis"
}

// info adds the kind of storage to GET /user/info.
func (s *settings) info(*fiber.Ctx, *fibermsal.User) (any, error) { return s.storageKind(), nil }

// reader reads variables and collects what is wrong with them.
type reader struct {
	getenv   func(string) string
	mistakes []string
	wrong    map[string]bool
}

func (r *reader) get(name string) string { return strings.TrimSpace(r.getenv(name)) }

func (r *reader) refuse(name, format string, args ...any) {
	r.wrong[name] = true
	r.mistakes = append(r.mistakes, name+": "+fmt.Sprintf(format, args...))
}

// meansRealTenant reports whether anything is set that makes sense with a real
// tenant only.
func (r *reader) meansRealTenant() bool { return len(r.identity()) > 0 || r.get(varClientID) != "" }

// identity lists the variables that are set and name a tenant, client id aside.
func (r *reader) identity() (names []string) {
	for _, name := range []string{varSecret, varTenant, varAuthority, varGraphURL} {
		if r.get(name) != "" {
			names = append(names, name)
		}
	}
	// A URL without a host is a mistake of its own, which the library reports.
	if u, err := url.Parse(r.get(varPublicURL)); err == nil && u.Host != "" && !isLocal(u.Hostname()) {
		names = append(names, varPublicURL)
	}
	return names
}

// isLocal reports whether a browser finds the host on its own machine.
func isLocal(host string) bool {
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || host == "127.0.0.1" || host == "::1"
}

// requireRegistration asks for what a real tenant needs, in the words of the
// environment.
func (r *reader) requireRegistration() {
	if r.get(varClientID) == "" {
		r.refuse(varClientID, "is required, because of %s; unset that to use the emulator", strings.Join(r.identity(), ", "))
	}
	if r.get(varSecret) == "" {
		r.refuse(varSecret, "is required with %s", varClientID)
	}
	switch tenant, authority := r.get(varTenant), r.get(varAuthority); {
	case tenant == "" && authority == "":
		r.refuse(varTenant, "is required with %s, or %s instead", varClientID, varAuthority)
	case tenant != "" && authority != "":
		r.refuse(varAuthority, "is set beside %s: keep one of them", varTenant)
	}
	if r.get(varPublicURL) == "" {
		r.refuse(varPublicURL, "is required with %s: the origin under which browsers reach the app, such as http://localhost:%d", varClientID, defaultPort)
	}
}

func (r *reader) port(name string, standard int) int {
	raw := r.get(name)
	if raw == "" {
		return standard
	}
	port, err := strconv.ParseUint(raw, 10, 16)
	if err != nil {
		r.refuse(name, "is not a port number")
	}
	return int(port)
}

func (r *reader) responseMode() fibermsal.ResponseMode {
	switch mode := fibermsal.ResponseMode(r.get(varMode)); mode {
	case "", fibermsal.FormPost, fibermsal.Query:
		return mode
	default:
		r.refuse(varMode, "must be %s or %s", fibermsal.FormPost, fibermsal.Query)
		return ""
	}
}

func (r *reader) keys() (keys [][]byte) {
	raw := r.get(varKeys)
	if raw == "" {
		return nil
	}
	for i, encoded := range strings.Split(raw, ",") {
		key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
		switch {
		case err != nil || len(key) == 0:
			r.refuse(varKeys, "key %d is not base64; %s", i+1, makeKey)
		case len(key) != 32:
			r.refuse(varKeys, "key %d has %d bytes instead of 32; %s", i+1, len(key), makeKey)
		}
		keys = append(keys, key)
	}
	return keys
}

// client trusts the certificates of the CA file beside the system's. Without one
// it is nil, which is the library's own.
func (r *reader) client() *http.Client {
	file := r.get(varCA)
	if file == "" {
		return nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		r.refuse(varCA, "%v", err)
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // a machine without any
	}
	if !pool.AppendCertsFromPEM(pem) {
		r.refuse(varCA, "%s holds no certificate in PEM", file)
	}
	return &http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		TLSClientConfig:     &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 64, // one host serves all users; Go's default is 2
		IdleConnTimeout:     90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second,
	}}
}

func (r *reader) certificate() *tls.Config {
	cert, key := r.get(varCert), r.get(varKey)
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
	if strings.HasPrefix(r.get(varPublicURL), "http://") {
		r.refuse(varPublicURL, "must begin with https:// when %s is set", varCert)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		r.refuse(varCert, "does not go with %s: %v", varKey, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
}

// askLibrary lets fibermsal check the rest, and translates the fields it names
// into variables. What was refused before is not refused again.
func (r *reader) askLibrary(s settings) {
	if s.emulated { // stand-ins for what starting the emulator fills in
		s.auth.ClientID, s.auth.ClientSecret, s.auth.TenantID = "emulator", "emulator", "emulator"
		if s.auth.PublicURL == "" {
			s.auth.PublicURL = "http://localhost"
		}
	}
	auth, err := fibermsal.Open(s.auth)
	if err == nil {
		err = auth.Close()
	}
	for _, mistake := range apart(err) {
		var wrong *fibermsal.ConfigError
		if !errors.As(mistake, &wrong) {
			r.mistakes = append(r.mistakes, mistake.Error())
			continue
		}
		name, text := variables[wrong.Field], wrong.Problem
		if wrong.Field == "AllowedTenants" { // which this app, being for one tenant, has no variable for
			name, text = r.tenantVariable(), "must name one tenant, not a group of them such as common"
		}
		switch {
		case name == "":
			r.mistakes = append(r.mistakes, mistake.Error())
		case !r.wrong[name]:
			r.mistakes = append(r.mistakes, name+": "+text)
		}
	}
}

func (r *reader) tenantVariable() string {
	if r.get(varTenant) == "" {
		return varAuthority
	}
	return varTenant
}

// apart takes a joined error to pieces.
func apart(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}

// variables says where the fields of a Config come from.
var variables = map[string]string{
	"ClientID": varClientID, "ClientSecret": varSecret, "TenantID": varTenant, "Authority": varAuthority,
	"GraphURL": varGraphURL, "PublicURL": varPublicURL, "Storage": varRedis, "Keys": varKeys, "ResponseMode": varMode,
}
