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
	"io"
	"math/big"
	"net"
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

// doctorTest is an app without faults, until a test introduces one.
type doctorTest struct {
	t      *testing.T
	idp    *entratest.Server
	cfg    fibermsal.Config
	fiber  fiber.Config
	routes func(*fiber.App, *fibermsal.Auth)
	// secrets are further ones that no report may contain.
	secrets []string
}

func newDoctorTest(t *testing.T, options ...entratest.Option) *doctorTest {
	t.Helper()
	idp := newRegistration(t, append(options, entratest.WithScopes(otherAPI), entratest.WithRedirectURI(entratest.DefaultRedirectURI),
		entratest.WithRedirectURI(publicURL+"/"), entratest.WithRedirectURI("http://localhost:3000/"))...)
	d := &doctorTest{t: t, idp: idp, cfg: configFor(idp), fiber: fiber.Config{ReadBufferSize: 16 << 10}}
	d.cfg.Storage, d.cfg.Keys = newLedger(), [][]byte{testKey(1)}
	d.routes = func(app *fiber.App, auth *fibermsal.Auth) {
		app.Use(auth.Handler())
		auth.RegisterRoutes(app)
	}
	d.clock(0)
	return d
}

// clock sets Entra's clock, so that this machine's clock is ahead of it.
func (d *doctorTest) clock(ahead time.Duration) {
	d.idp.ClearFaults()
	d.idp.Fault(entratest.Discovery, entratest.Fault{Header: http.Header{"Date": {time.Now().Add(-ahead).UTC().Format(http.TimeFormat)}}})
}

// on gives the app a new Redis.
func (d *doctorTest) on(args ...string) *redistest.Server {
	d.t.Helper()
	r := redistest.Start(d.t, slices.Concat(onDisk, args)...)
	d.use(r, "", "")
	return r
}

// use gives the app a Redis, with deadlines for a busy machine.
func (d *doctorTest) use(r redistest.Redis, user, password string) {
	d.t.Helper()
	address, err := url.Parse(r.URLAs(user, password))
	if err != nil {
		d.t.Fatal(err)
	}
	options := address.Query()
	for _, deadline := range []string{"read_timeout", "write_timeout", "dial_timeout", "pool_timeout"} {
		options.Set(deadline, "2s")
	}
	address.RawQuery = options.Encode()
	onURL(d.t, address.String())(&d.cfg)
	if password != "" {
		d.secrets = append(d.secrets, password)
	}
}

// client stores the app's sessions with the given Redis client.
func (d *doctorTest) client(client redis.UniversalClient) {
	d.cfg.Storage = fiberredis.NewFromConnection(client)
}

func (d *doctorTest) open() *fibermsal.Auth {
	d.t.Helper()
	auth, err := fibermsal.Open(d.cfg)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = auth.Close() })
	return auth
}

// examine returns the report about the app, after checking its form.
func (d *doctorTest) examine(ctx context.Context) fibermsal.Report {
	d.t.Helper()
	auth, app := d.open(), fiber.New(d.fiber)
	d.routes(app, auth)
	report := auth.DoctorWithApp(ctx, app)
	d.assertForm(report)
	return report
}

func (d *doctorTest) assertForm(report fibermsal.Report) {
	d.t.Helper()
	text := d.print(report)
	secrets := slices.Concat(d.secrets, d.idp.Secrets(), []string{d.cfg.ClientSecret}, d.cfg.PreviousSecrets)
	for _, key := range d.cfg.Keys {
		secrets = append(secrets, string(key), hex.EncodeToString(key), base64.StdEncoding.EncodeToString(key))
	}
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			d.t.Errorf("the report has a secret: %.6s…\n%s", secret, report)
		}
	}
	codes := map[string]bool{}
	for _, f := range report {
		isOK := f.Severity == fibermsal.SeverityOK
		if f.Code == "" || f.What == "" || isOK != (f.Why == "") || isOK != (f.Fix == "") {
			d.t.Errorf("incomplete finding: %+v", f)
		}
		if codes[f.Code] {
			d.t.Errorf("%s is reported twice:\n%s", f.Code, report)
		}
		codes[f.Code] = true
	}
}

// print returns a report in each of its forms.
func (d *doctorTest) print(report fibermsal.Report) string {
	d.t.Helper()
	marshalled, err := json.Marshal(report)
	if err != nil {
		d.t.Fatal(err)
	}
	var back fibermsal.Report
	if err := json.Unmarshal(marshalled, &back); err != nil || !slices.Equal(back, report) {
		d.t.Errorf("it does not survive JSON: %v", err)
	}
	return fmt.Sprintf("%v %+v %#v %s", report, report, report, marshalled)
}

// problemsOf returns severity and code of the findings that are not OK.
func problemsOf(report fibermsal.Report) (found []string) {
	for _, f := range report {
		if f.Severity != fibermsal.SeverityOK {
			found = append(found, string(f.Severity)+" "+f.Code)
		}
	}
	return found
}

// expect checks which findings are not OK, and returns the report.
func (d *doctorTest) expect(want ...string) fibermsal.Report {
	d.t.Helper()
	report := d.examine(d.t.Context())
	if got := problemsOf(report); !slices.Equal(got, want) {
		d.t.Errorf("found %q, want %q\n%s", got, want, report)
	}
	return report
}

// certificate sets the client credential to a certificate with the given validity.
func (d *doctorTest) certificate(life time.Duration) (path string, c *x509.Certificate) {
	d.t.Helper()
	key := newKeyPair(d.t, 1).key
	template := &x509.Certificate{SerialNumber: big.NewInt(9), NotBefore: time.Now().Add(-90 * 24 * time.Hour), NotAfter: time.Now().Add(life)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		d.t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		d.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		d.t.Fatal(err)
	}
	path = filepath.Join(d.t.TempDir(), "app.pem")
	write(d.t, path, append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...))
	by(fibermsal.CertificateFile(path))(&d.cfg)
	return path, c
}

const year = 365 * 24 * time.Hour

// rewriteCookies adds a middleware that changes cookies.
func (d *doctorTest) rewriteCookies(from, to string) {
	d.routes = func(app *fiber.App, auth *fibermsal.Auth) {
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

func (d *doctorTest) ledger() *ledger { return d.cfg.Storage.(*ledger) }

// as uses a Redis user with the documented rules and more.
func (d *doctorTest) as(more string) {
	r := d.on()
	rules, _ := documentedRules(d.t)
	createUser(d.t, rules+" "+more, r)
	d.use(r, "app", "app-password")
}

// database uses another database of the same Redis.
func (d *doctorTest) database(n int) {
	options := *d.cfg.Storage.(*fiberredis.Storage).Conn().(*redis.Client).Options()
	options.DB = n
	d.client(redis.NewClient(&options))
}

// beside starts an instance with other keys on the same Redis.
func (d *doctorTest) beside(keys ...[]byte) {
	d.on()
	newSite(d.t, d.idp, func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = d.cfg.Storage, keys }).browser().signIn(adele)
}

// doctorFault is a fault and the only finding that must not be OK because of it.
type doctorFault struct {
	want    string
	arrange func(*doctorTest)
}

// expectFaults introduces each fault into a separate app.
func expectFaults(t *testing.T, faults map[string]doctorFault) {
	t.Helper()
	for name, row := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDoctorTest(t)
			row.arrange(d)
			if report := d.expect(row.want); report.OK() || string(report.Worst()) != strings.Fields(row.want)[0] {
				t.Errorf("worst: %s", report.Worst())
			}
		})
	}
}

// tunnel copies between a connection and an address until one side ends.
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
