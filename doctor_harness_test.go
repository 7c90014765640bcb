package fibermsal_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
	idp := newRegistration(t, append(options, entratest.WithScopes(otherAPI), entratest.WithRedirectURI(entratest.DefaultRedirectURI))...)
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
