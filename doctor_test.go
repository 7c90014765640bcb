package fibermsal_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"
	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

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
		"trusted proxies":  func(p *patient) { trustProxies(&p.fiber) },
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
			trustProxies(&p.fiber, "0.0.0.0/0")
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

// forgetful keeps nothing.
type forgetful struct{ *ledger }

func (forgetful) Set(string, []byte, time.Duration) error { return nil }

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
		if resp, err := testApp(app, httptest.NewRequest(http.MethodGet, "/user/info", http.NoBody)); err != nil || resp.StatusCode != http.StatusOK {
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
