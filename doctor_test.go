package fibermsal_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"
	fiberredis "github.com/gofiber/storage/redis/v3"
	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// patient is an app as it should be, until a test plants a fault.
type patient struct {
	t      *testing.T
	idp    *entratest.Server
	cfg    fibermsal.Config
	fiber  fiber.Config
	routes func(*fiber.App, *fibermsal.Auth)
	// secrets are those that the emulator does not know.
	secrets []string
}

func newPatient(t *testing.T, options ...entratest.Option) *patient {
	t.Helper()
	idp := newApp(t, append(options, entratest.WithScopes(otherAPI), entratest.WithRedirectURI(entratest.DefaultRedirectURI))...)
	p := &patient{t: t, idp: idp, cfg: configFor(idp), fiber: fiber.Config{ReadBufferSize: 16 << 10}}
	p.cfg.Storage, p.cfg.Keys = newLedger(), [][]byte{testKey(1)}
	p.routes = func(app *fiber.App, auth *fibermsal.Auth) {
		app.Use(auth.Handler())
		auth.RegisterRoutes(app)
	}
	p.clock(0)
	return p
}

// clock sets Entra's, by how much this machine's is ahead of it.
func (p *patient) clock(ahead time.Duration) {
	p.idp.ClearFaults()
	p.idp.Fault(entratest.Discovery, entratest.Fault{Header: http.Header{"Date": {time.Now().Add(-ahead).UTC().Format(http.TimeFormat)}}})
}

// on gives the patient a Redis of its own.
func (p *patient) on(args ...string) *redistest.Server {
	p.t.Helper()
	r := redistest.Start(p.t, slices.Concat(onDisk, args)...)
	p.use(r, "", "")
	return r
}

// use gives the patient a Redis, with time for a busy machine.
func (p *patient) use(r redistest.Redis, user, password string) {
	p.t.Helper()
	address, err := url.Parse(r.URLAs(user, password))
	if err != nil {
		p.t.Fatal(err)
	}
	options := address.Query()
	for _, deadline := range []string{"read_timeout", "write_timeout", "dial_timeout", "pool_timeout"} {
		options.Set(deadline, "2s")
	}
	address.RawQuery = options.Encode()
	onURL(p.t, address.String())(&p.cfg)
	if password != "" {
		p.secrets = append(p.secrets, password)
	}
}

// client has the patient's sessions where a client of the test's leads.
func (p *patient) client(client redis.UniversalClient) {
	p.cfg.Storage = fiberredis.NewFromConnection(client)
}

func (p *patient) open() *fibermsal.Auth {
	p.t.Helper()
	auth, err := fibermsal.Open(p.cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = auth.Close() })
	return auth
}

// examine lets the doctor look at the patient, and at what the doctor says.
func (p *patient) examine(ctx context.Context) fibermsal.Report {
	p.t.Helper()
	auth, app := p.open(), fiber.New(p.fiber)
	p.routes(app, auth)
	report := auth.Doctor(ctx, app)
	p.assertWellSaid(report)
	return report
}

func (p *patient) assertWellSaid(report fibermsal.Report) {
	p.t.Helper()
	text := p.print(report)
	secrets := slices.Concat(p.secrets, p.idp.Secrets(), []string{p.cfg.ClientSecret}, p.cfg.PreviousSecrets)
	for _, key := range p.cfg.Keys {
		secrets = append(secrets, string(key), hex.EncodeToString(key), base64.StdEncoding.EncodeToString(key))
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			p.t.Errorf("the report has a secret: %.6s…\n%s", secret, report)
		}
	}
	codes := map[string]bool{}
	for _, f := range report {
		good := f.Severity == fibermsal.SeverityOK
		if f.Code == "" || f.What == "" || good != (f.Why == "") || good != (f.Fix == "") {
			p.t.Errorf("half a finding: %+v", f)
		}
		if codes[f.Code] {
			p.t.Errorf("%s is told twice:\n%s", f.Code, report)
		}
		codes[f.Code] = true
	}
}

// print is a report in every form it has.
func (p *patient) print(report fibermsal.Report) string {
	p.t.Helper()
	marshalled, err := json.Marshal(report)
	if err != nil {
		p.t.Fatal(err)
	}
	var back fibermsal.Report
	if err := json.Unmarshal(marshalled, &back); err != nil || !slices.Equal(back, report) {
		p.t.Errorf("not what was marshalled: %v", err)
	}
	return fmt.Sprintf("%v %+v %#v %s", report, report, report, marshalled)
}

// ills are the findings that are not fine.
func ills(report fibermsal.Report) (found []string) {
	for _, f := range report {
		if f.Severity != fibermsal.SeverityOK {
			found = append(found, string(f.Severity)+" "+f.Code)
		}
	}
	return found
}

func (p *patient) expect(want ...string) fibermsal.Report {
	p.t.Helper()
	report := p.examine(p.t.Context())
	if got := ills(report); !slices.Equal(got, want) {
		p.t.Errorf("found %q, want %q\n%s", got, want, report)
	}
	return report
}

// certificate writes one that counts from now for so long, with its key.
func (p *patient) certificate(life time.Duration) (path string, c *x509.Certificate) {
	p.t.Helper()
	key := newKeyPair(p.t, 1).key
	template := &x509.Certificate{SerialNumber: big.NewInt(9), NotBefore: time.Now().Add(-90 * 24 * time.Hour), NotAfter: time.Now().Add(life)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		p.t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		p.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		p.t.Fatal(err)
	}
	path = filepath.Join(p.t.TempDir(), "app.pem")
	write(p.t, path, append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...))
	by(fibermsal.CertificateFile(path))(&p.cfg)
	return path, c
}

const year = 365 * 24 * time.Hour

func TestDoctor_IsQuietWhereAllIsWell(t *testing.T) {
	t.Parallel()
	for name, treat := range map[string]func(*patient){
		"secret": func(*patient) {},
		"Redis":  func(p *patient) { p.on() },
		"certificate": func(p *patient) {
			_, c := p.certificate(year)
			p.idp.SetCertificates(c)
		},
		"memory, at work":  func(p *patient) { p.cfg.Storage, p.cfg.Keys, p.cfg.PublicURL = nil, nil, "http://localhost:3000" },
		"trusted proxies":  func(p *patient) { p.fiber.ProxyHeader, p.fiber.EnableTrustedProxyCheck = "X-Forwarded-For", true },
		"a secret to come": func(p *patient) { p.cfg.PreviousSecrets = []string{"gone"} },
		"many tenants": func(p *patient) {
			p.cfg.Authority = "https://login.entra.test/organizations"
			p.cfg.AllowedTenants = []string{p.idp.TenantID, "9188040d-6c67-4c5b-b112-36a304b66dad"}
		},
		"a user with no other rights": func(p *patient) {
			p.as("+info")
		},
		"instances with the same keys": func(p *patient) {
			p.on()
			for range 2 {
				newSite(p.t, p.idp, func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = p.cfg.Storage, p.cfg.Keys }).browser().signIn(adele)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t)
			treat(p)
			report := p.expect()
			if !report.OK() || len(report) < 8 {
				t.Errorf("%s", report)
			}
		})
	}
}

func TestDoctor_FindsEachFault(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		want  string
		plant func(*patient)
	}{
		// Entra
		"discovery unreachable": {"error discovery", func(p *patient) {
			p.idp.ClearFaults()
			p.idp.Fault(entratest.Discovery, entratest.Fault{Drop: true})
		}},
		"discovery of somebody else": {"error discovery", func(p *patient) {
			p.idp.ClearFaults()
			p.idp.Fault(entratest.Discovery, entratest.Fault{Body: `{"issuer":"https://evil.example/x/v2.0"}`})
		}},
		"discovery broken": {"error discovery", func(p *patient) { p.idp.ClearFaults(); p.idp.Fault(entratest.Discovery, entratest.Fault{Status: 503}) }},
		"keys unreachable": {"error signing_keys", func(p *patient) { p.idp.Fault(entratest.Keys, entratest.Fault{Drop: true}) }},
		"keys that are none": {"error signing_keys", func(p *patient) {
			p.idp.Fault(entratest.Keys, entratest.Fault{Body: `{"keys":[{"kty":"EC","kid":"1"}]}`})
		}},
		"clock three min. off": {"warning clock_skew", func(p *patient) { p.clock(-3 * time.Minute) }},
		"clock far ahead":      {"error clock_skew", func(p *patient) { p.clock(6 * time.Minute) }},
		"clock far behind":     {"error clock_skew", func(p *patient) { p.clock(-6 * time.Minute) }},
		"no Date":              {"warning clock_unchecked", func(p *patient) { p.idp.ClearFaults() }},

		// the registration
		"wrong secret": {"error secret_wrong", func(p *patient) { p.cfg.ClientSecret = "a-secret-id-instead-of-its-value" }},
		"wrong secrets": {"error secret_wrong", func(p *patient) {
			p.cfg.ClientSecret, p.cfg.PreviousSecrets = "a-wrong-secret", []string{"another-one"}
		}},
		"only the old secret": {"warning secret_previous", func(p *patient) {
			p.cfg.ClientSecret, p.cfg.PreviousSecrets = "a-new-secret", []string{p.idp.ClientSecret}
		}},
		"expired secret": {"error secret_expired", func(p *patient) {
			p.idp.SetSecrets(entratest.Secret{Value: p.idp.ClientSecret, Expires: time.Now().Add(-time.Hour)})
		}},
		"foreign certificate":    {"error certificate_unregistered", func(p *patient) { p.certificate(year) }},
		"certificate at its end": {"warning certificate", func(p *patient) { _, c := p.certificate(year / 30); p.idp.SetCertificates(c) }},
		"certificate past it":    {"error certificate", func(p *patient) { _, c := p.certificate(-time.Hour); p.idp.SetCertificates(c) }},
		"no certificate":         {"error credential_missing", func(p *patient) { by(fibermsal.CertificateFile("/nowhere/app.pem"))(&p.cfg) }},
		"no federated token":     {"error credential_missing", func(p *patient) { by(fibermsal.WorkloadIdentity("/nowhere/token"))(&p.cfg) }},
		"Entra busy":             {"warning credential_unchecked", func(p *patient) { p.idp.Fault(entratest.Token, entratest.Fault{Status: 503}) }},
		"token endpoint away":    {"warning credential_unchecked", func(p *patient) { p.idp.Fault(entratest.Token, entratest.Fault{Drop: true}) }},
		"app disabled": {"error app_disabled", func(p *patient) {
			p.idp.Fault(entratest.Token, entratest.Fault{Status: 401, OAuth: &entratest.OAuthError{Error: "unauthorized_client", Codes: []int{7000112}}})
		}},
		"an error of its own": {"error entra_refuses", func(p *patient) {
			p.idp.Fault(entratest.Token, entratest.Fault{OAuth: &entratest.OAuthError{Error: "invalid_request", Codes: []int{1234567}}})
		}},
		"wrong tenant":      {"error tenant_unknown", func(p *patient) { p.cfg.Authority = "https://login.entra.test/11111111-2222-3333-4444-555555555555" }},
		"tenant misspelt":   {"error tenant_unknown", func(p *patient) { p.cfg.Authority = "https://login.entra.test/contoso" }},
		"app not in tenant": {"error app_unknown", func(p *patient) { p.cfg.ClientID = "11111111-2222-3333-4444-555555555555" }},
		"no such tenant allowed": {"error tenants", func(p *patient) {
			p.cfg.Authority = "https://login.entra.test/organizations"
			p.cfg.AllowedTenants = []string{p.idp.TenantID, "11111111-2222-3333-4444-555555555555"}
		}},
		"nobody to ask": {"warning credential_unchecked", func(p *patient) {
			p.cfg.Authority, p.cfg.AnyTenantMaySignIn = "https://login.entra.test/organizations", true
		}},
		"wrong redirect URI": {"error redirect_uri", func(p *patient) { p.cfg.PublicURL = "https://www.app.example" }},
		"wrong prefix":       {"error redirect_uri", func(p *patient) { p.cfg.RoutePrefix = "/User" }},
		"authorize broken":   {"warning redirect_uri_unchecked", func(p *patient) { p.idp.Fault(entratest.Authorize, entratest.Fault{Status: 500}) }},
		"authorize unclear": {"warning redirect_uri_unchecked", func(p *patient) {
			p.idp.Fault(entratest.Authorize, entratest.Fault{Body: "<html>Redirecting…</html>"})
		}},
		"authorize refuses": {"error entra_refuses", func(p *patient) {
			p.idp.Fault(entratest.Authorize, entratest.Fault{Body: "<html>AADSTS650056: Misconfigured application.</html>"})
		}},
		"unknown scope":    {"error scopes", func(p *patient) { p.cfg.Scopes = []string{"User.Read", "User.Fly"} }},
		"unknown resource": {"error scopes", func(p *patient) { p.cfg.Scopes = []string{"api://nothing/Read"} }},
		"scopes of two":    {"error scopes_mixed", func(p *patient) { p.cfg.Scopes = []string{"User.Read", otherAPI} }},

		// the app
		"form_post on http": {"warning form_post_http", func(p *patient) { p.cfg.PublicURL, p.cfg.ResponseMode = "http://localhost:3000", fibermsal.FormPost }},
		"small headers":     {"warning read_buffer", func(p *patient) { p.fiber.ReadBufferSize = 0 }},
		"any proxy":         {"warning proxy_trust", func(p *patient) { p.fiber.ProxyHeader = "X-Forwarded-For" }},
		"every proxy": {"warning proxy_trust", func(p *patient) {
			p.fiber.ProxyHeader, p.fiber.EnableTrustedProxyCheck, p.fiber.TrustedProxies = "X-Forwarded-For", true, []string{"0.0.0.0/0"}
		}},
		"Lax cookie with form_post": {"error login_cookie", func(p *patient) { p.rewriteCookies("SameSite=None", "SameSite=Lax") }},
		"Strict cookie": {"error login_cookie", func(p *patient) {
			p.cfg.ResponseMode = fibermsal.Query
			p.rewriteCookies("SameSite=Lax", "SameSite=Strict")
		}},
		"cookie that is not Secure": {"error login_cookie", func(p *patient) { p.rewriteCookies("; secure", "") }},
		"cookie renamed":            {"error login_cookie", func(p *patient) { p.rewriteCookies("__Host-", "x") }},
		"no routes":                 {"error login_route", func(p *patient) { p.routes = func(app *fiber.App, auth *fibermsal.Auth) { app.Use(auth.Handler()) } }},
		"a guard in front": {"error login_route", func(p *patient) {
			p.routes = func(app *fiber.App, auth *fibermsal.Auth) {
				app.Use(auth.Handler(), fibermsal.Require())
				auth.RegisterRoutes(app)
			}
		}},
		"a transport that panics": {"warning credential_unchecked", func(p *patient) {
			inner := p.cfg.HTTPClient.Transport
			p.cfg.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "/token") {
					panic("a transport of the app's")
				}
				return inner.RoundTrip(r)
			})}
		}},
		"an app that panics": {"error login_route", func(p *patient) {
			p.routes = func(app *fiber.App, _ *fibermsal.Auth) { app.Use(func(*fiber.Ctx) error { panic("oh") }) }
		}},
		"routes of another Config": {"error login_route", func(p *patient) {
			other := newPatient(p.t)
			other.cfg.ClientID, other.cfg.PublicURL = p.cfg.ClientID, "https://other.example"
			p.routes = func(app *fiber.App, _ *fibermsal.Auth) {
				auth := other.open()
				app.Use(auth.Handler())
				auth.RegisterRoutes(app)
			}
		}},

		// the storage
		"memory in production": {"warning storage", func(p *patient) { p.cfg.Storage, p.cfg.Keys = nil, nil }},
		"storage fails":        {"error storage", func(p *patient) { p.ledger().failSet = true }},
		"storage forgets":      {"error storage", func(p *patient) { p.cfg.Storage = forgetful{p.ledger()} }},
		"Redis down":           {"error redis_unreachable", func(p *patient) { p.on().Stop() }},
		"Redis stalled": {"error redis_unreachable", func(p *patient) {
			p.client(redis.NewClient(&redis.Options{Addr: stalled(p.t), ContextTimeoutEnabled: true, ReadTimeout: 50 * time.Millisecond, MaxRetries: -1}))
		}},
		"Redis wants replicas": {"error redis_refuses", func(p *patient) { p.on("--min-replicas-to-write", "1") }},
		"wrong password":       {"error redis_login", func(p *patient) { p.use(p.locked(), "", "wrong-password") }},
		"no password": {"error redis_login", func(p *patient) {
			p.use(p.locked(), "", "")
		}},
		"read-only replica":       {"error redis_replica", func(p *patient) { p.use(replica(p.t), "", "") }},
		"evicting Redis":          {"error redis_eviction", func(p *patient) { p.on("--maxmemory-policy", "volatile-lru", "--maxmemory", "100mb") }},
		"evicting, some day":      {"warning redis_eviction", func(p *patient) { p.on("--maxmemory-policy", "allkeys-lru") }},
		"full Redis":              {"error redis_full", func(p *patient) { p.on("--maxmemory", "1") }},
		"no persistence":          {"warning redis_persistence", func(p *patient) { p.on("--appendonly", "no") }},
		"old Redis":               {"error redis_version", func(p *patient) { p.on("--rename-command", "PEXPIRE", "") }},
		"rights of a year ago":    {"error redis_rights", func(p *patient) { p.as("-zremrangebyscore -zadd +info") }},
		"keys of another":         {"error redis_rights", func(p *patient) { p.as("resetkeys ~other:* +info") }},
		"database without SELECT": {"error redis_rights", func(p *patient) { p.as("+info"); p.database(1) }},
		"no INFO":                 {"warning redis_info_unchecked", func(p *patient) { p.as("") }},
		"slow Redis":              {"warning redis_latency", func(p *patient) { p.client(dialled(p.on(), func(c net.Conn) net.Conn { return slow{c} })) }},
		"Redis elsewhere":         {"warning redis_tls", func(p *patient) { p.client(dialled(p.on(), func(c net.Conn) net.Conn { return remote{c} })) }},
		"no deadlines":            {"warning redis_deadlines", func(p *patient) { p.client(redis.NewClient(&redis.Options{Addr: p.on().Addr})) }},
		"keys that differ":        {"error keys", func(p *patient) { p.beside(testKey(2)) }},
		"keys half replaced":      {"warning keys", func(p *patient) { p.beside(testKey(1), testKey(2)) }},
		"keys replaced too soon":  {"error keys", func(p *patient) { p.beside(testKey(2), testKey(1)) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPatient(t)
			row.plant(p)
			if report := p.expect(row.want); report.OK() || string(report.Worst()) != strings.Fields(row.want)[0] {
				t.Errorf("worst: %s", report.Worst())
			}
		})
	}
}

// rewriteCookies is a middleware, or a proxy, that means well.
func (p *patient) rewriteCookies(from, to string) {
	p.routes = func(app *fiber.App, auth *fibermsal.Auth) {
		app.Use(func(c *fiber.Ctx) error {
			err := c.Next()
			var lines []string
			c.Response().Header.VisitAllCookie(func(_, line []byte) { lines = append(lines, string(line)) })
			c.Response().Header.DelAllCookies()
			for _, line := range lines {
				c.Response().Header.Add("Set-Cookie", strings.Replace(line, from, to, 1))
			}
			return err
		}, auth.Handler())
		auth.RegisterRoutes(app)
	}
}

func (p *patient) ledger() *ledger { return p.cfg.Storage.(*ledger) }

// forgetful keeps nothing.
type forgetful struct{ *ledger }

func (forgetful) Set(string, []byte, time.Duration) error { return nil }

// as has a Redis user with the documented rules and some more.
func (p *patient) as(more string) {
	r := p.on()
	rules, _ := documentedRules(p.t)
	createUser(p.t, rules+" "+more, r)
	p.use(r, "app", "app-password")
}

// database takes another database of the same Redis.
func (p *patient) database(n int) {
	options := *p.cfg.Storage.(*fiberredis.Storage).Conn().(*redis.Client).Options()
	options.DB = n
	p.client(redis.NewClient(&options))
}

// beside has an instance with other keys on the same Redis.
func (p *patient) beside(keys ...[]byte) {
	p.on()
	newSite(p.t, p.idp, func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = p.cfg.Storage, keys }).browser().signIn(adele)
}

// stalled is a server that takes connections and says nothing.
func stalled(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// locked is a Redis that wants a password.
func (p *patient) locked() *redistest.Server {
	r := p.on()
	if err := r.Client().ConfigSet(p.t.Context(), "requirepass", "the-right-password").Err(); err != nil {
		p.t.Fatal(err)
	}
	return r
}

// replica is a Redis that follows another one.
func replica(t *testing.T) *redistest.Server {
	t.Helper()
	host, port, err := net.SplitHostPort(redistest.Start(t).Addr)
	if err != nil {
		t.Fatal(err)
	}
	return redistest.Start(t, slices.Concat(onDisk, []string{"--replicaof", host + " " + port, "--repl-diskless-sync-delay", "0"})...)
}

// dialled is a client of a server that reaches it in a way of its own.
func dialled(r *redistest.Server, wrap func(net.Conn) net.Conn) redis.UniversalClient {
	return redis.NewClient(&redis.Options{Addr: r.Addr, ContextTimeoutEnabled: true, Dialer: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wrap(c), nil
	}})
}

// slow is a connection across the sea.
type slow struct{ net.Conn }

func (c slow) Write(b []byte) (int, error) {
	<-time.After(60 * time.Millisecond)
	return c.Conn.Write(b)
}

// remote is a connection to another machine.
type remote struct{ net.Conn }

func (remote) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1), Port: 6379} }

func TestDoctor_LooksAtAllMasters(t *testing.T) {
	for name, start := range redistest.EachAlone(t, onDisk...) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, p := start(t), newPatient(t)
			p.use(r, "", "")
			p.expect()
			before := r.Keys()
			for _, s := range r.Masters()[:1] {
				if err := s.Client().ConfigSet(t.Context(), "maxmemory-policy", "allkeys-random").Err(); err != nil {
					t.Fatal(err)
				}
			}
			report := p.expect("warning redis_eviction")
			if named := strings.Contains(report.String(), r.Masters()[0].Addr); named != (len(r.Masters()) > 1) {
				t.Errorf("%s", report)
			}
			if left := r.Keys(); !slices.Equal(left, before) {
				t.Errorf("the doctor left %v", left)
			}
			r.Stop()
			p.expect("error redis_unreachable")
		})
	}
}

func TestDoctor_ReplicasMustNotBeRead(t *testing.T) {
	t.Parallel()
	cluster, p := redistest.StartCluster(t, onDisk...), newPatient(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: cluster.Addrs, RouteByLatency: true, ContextTimeoutEnabled: true})
	t.Cleanup(func() { _ = client.Close() })
	p.client(client)
	p.expect("error redis_replica_reads")
}

func TestDoctor_SeesTLSToRedis(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	r := p.on()
	certificate := newKeyPair(t, 1)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{certificate.certificate.Raw}, PrivateKey: certificate.key}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go tunnel(c, r.Addr)
		}
	}()
	p.client(redis.NewClient(&redis.Options{Addr: l.Addr().String(), ContextTimeoutEnabled: true, TLSConfig: &tls.Config{InsecureSkipVerify: true}}))
	if report := p.expect(); !strings.Contains(report.String(), "is encrypted") {
		t.Errorf("%s", report)
	}
}

// tunnel copies both ways until one side ends.
func tunnel(c net.Conn, address string) {
	defer func() { _ = c.Close() }()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = server.Close() }()
	go func() {
		_, _ = io.Copy(server, c)
		_ = server.Close()
	}()
	_, _ = io.Copy(c, server)
}

// The emulator listens, and is reached through a proxy only.
func TestDoctor_NamesTheProxyWithoutItsPassword(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	if err := p.idp.Listen(entratest.ListenConfig{}); err != nil {
		t.Fatal(err)
	}
	p.idp.ClearFaults() // its listener tells the time
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Header.Get("Proxy-Authorization") == "" {
			http.Error(w, "no", http.StatusProxyAuthRequired)
			return
		}
		w.WriteHeader(http.StatusOK)
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			tunnel(c, r.Host)
		}
	}))
	t.Cleanup(proxy.Close)
	address, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(p.idp.CAPEM())
	through := func(user *url.Userinfo) {
		u := *address
		u.User = user
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, Proxy: func(r *http.Request) (*url.URL, error) {
			if r.URL.Scheme == "http" {
				return nil, nil // the page for browsers
			}
			return &u, nil
		}}
		t.Cleanup(transport.CloseIdleConnections)
		p.cfg.HTTPClient = &http.Client{Transport: transport}
	}
	p.cfg.Authority, p.cfg.GraphURL = p.idp.Authority, p.idp.GraphURL
	p.secrets = []string{"proxy-password", "proxy-user"}

	through(url.UserPassword("proxy-user", "proxy-password"))
	if report := p.expect(); !strings.Contains(report.String(), "through the proxy "+proxy.URL) {
		t.Errorf("%s", report)
	}
	through(nil)
	if report := p.expect("error discovery"); !strings.Contains(report.String(), "through the proxy "+proxy.URL+": Proxy Authentication Required") {
		t.Errorf("%s", report)
	}
}

func TestDoctor_WithoutAnAppAndWhileItServes(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	auth, app := p.open(), fiber.New(p.fiber)
	p.routes(app, auth)
	reports := make(chan fibermsal.Report)
	for i := range 4 {
		go func() {
			if i%2 == 0 {
				reports <- auth.Doctor(t.Context())
				return
			}
			reports <- auth.Doctor(t.Context(), app)
		}()
		if resp, err := app.Test(httptest.NewRequest(http.MethodGet, "/user/info", http.NoBody), -1); err != nil || resp.StatusCode != http.StatusOK {
			t.Errorf("%v", err)
		}
	}
	for range 4 {
		if report := <-reports; !report.OK() {
			t.Errorf("%s", report)
		}
	}
}

// What does not answer costs the doctor some seconds, which pass in an instant here.
func TestDoctor_EndsInTime(t *testing.T) {
	t.Parallel()
	forever := entratest.Fault{Delay: 1000 * time.Hour}
	for name, row := range map[string]struct {
		want  []string
		plant func(*patient)
	}{
		"discovery": {[]string{"error discovery"}, func(p *patient) {
			p.idp.ClearFaults()
			p.idp.Fault(entratest.Discovery, forever)
		}},
		"all but discovery": {
			[]string{"error signing_keys", "warning credential_unchecked", "warning redirect_uri_unchecked"}, func(p *patient) {
				for _, e := range []entratest.Endpoint{entratest.Keys, entratest.Token, entratest.Authorize} {
					p.idp.Fault(e, forever)
				}
			},
		},
		"a credential": {[]string{"warning credential_unchecked"}, func(p *patient) {
			by(func(context.Context) (confidential.Credential, error) {
				time.Sleep(time.Hour)
				return confidential.NewCredFromSecret("late")
			})(&p.cfg)
		}},
		"a storage": {[]string{"warning storage_unchecked"}, func(p *patient) { p.cfg.Storage = lazy{p.ledger()} }},
		"a handler": {[]string{"warning login_route_unchecked"}, func(p *patient) {
			p.routes = func(app *fiber.App, _ *fibermsal.Auth) {
				app.Use(func(*fiber.Ctx) error { time.Sleep(time.Hour); return nil })
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newPatient(t)
				row.plant(p)
				began := time.Now()
				p.expect(row.want...)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
				time.Sleep(2 * time.Hour) // until what was left behind ends
			})
		})
	}
}

// lazy answers tomorrow.
type lazy struct{ *ledger }

func (l lazy) Set(key string, value []byte, life time.Duration) error {
	time.Sleep(time.Hour)
	return l.ledger.Set(key, value, life)
}

func TestDoctor_WhatWasCancelledIsNotFine(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := newPatient(t)
	p.on()
	if got, want := ills(p.examine(ctx)), []string{"warning discovery_unchecked", "warning redis_unchecked"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// Instances that have ended are no reason for concern.
func TestDoctor_ForgetsInstancesThatHaveEnded(t *testing.T) {
	t.Parallel()
	p := newPatient(t)
	r := p.on()
	s := newSite(t, p.idp, func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = p.cfg.Storage, [][]byte{testKey(2)} })
	s.browser().signIn(adele)
	p.expect("error keys")
	r.Dump() // fails for keys without an end
	if err := s.auth.Close(); err != nil {
		t.Error(err)
	}
	p.expect()
}

func ExampleAuth_Doctor() {
	idp := entratest.New(entratest.WithRedirectURI("https://app.example/user/authorized"))
	defer func() { _ = idp.Close() }()
	auth, err := fibermsal.Open(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority, HTTPClient: idp.HTTPClient,
		PublicURL: "https://www.app.example", // which is not what is registered
	})
	if err != nil {
		panic(err)
	}
	app := fiber.New(fiber.Config{ReadBufferSize: 16 << 10})
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)

	report := auth.Doctor(context.Background(), app)
	for _, f := range report {
		if f.Severity == fibermsal.SeverityError {
			fmt.Println(f)
		}
	}
	fmt.Println(report.Worst())
	// Output:
	// error    redirect_uri: https://www.app.example/user/authorized is not registered (AADSTS50011)
	//          why: Entra shows an error page instead of the sign-in, and the app is not told
	//          fix: register it, letter by letter, with the platform Web
	// error
}
