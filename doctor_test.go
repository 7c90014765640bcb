package fibermsal_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestDoctor_FindsNothingIfNothingIsWrong(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*doctorTest){
		"secret": func(*doctorTest) {},
		"Redis":  func(d *doctorTest) { d.on() },
		"certificate": func(d *doctorTest) {
			_, c := d.certificate(year)
			d.idp.SetCertificates(c)
		},
		"memory, in development": func(d *doctorTest) { d.cfg.Storage, d.cfg.Keys, d.cfg.PublicURL = nil, nil, "http://localhost:3000" },
		"trusted proxies":        func(d *doctorTest) { trustProxies(&d.fiber) },
		"pages with fragments":   func(d *doctorTest) { d.cfg.KeepFragment = true },
		"a secret to come":       func(d *doctorTest) { d.cfg.PreviousSecrets = []string{"gone"} },
		"many tenants": func(d *doctorTest) {
			d.cfg.Authority = "https://login.entra.test/organizations"
			d.cfg.AllowedTenants = []string{d.idp.TenantID, "9188040d-6c67-4c5b-b112-36a304b66dad"}
		},
		"a user with no other rights": func(d *doctorTest) {
			d.as("+info")
		},
		"instances with the same keys": func(d *doctorTest) {
			d.on()
			for range 2 {
				newSite(d.t, d.idp, func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = d.cfg.Storage, d.cfg.Keys }).browser().signIn(adele)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDoctorTest(t)
			configure(d)
			report := d.expect()
			if !report.OK() || len(report) < 8 {
				t.Errorf("%s", report)
			}
		})
	}
}

func TestDoctor_WithoutAnAppAndWhileItServes(t *testing.T) {
	t.Parallel()
	d := newDoctorTest(t)
	auth, app := d.open(), fiber.New(d.fiber)
	d.routes(app, auth)
	reports := make(chan fibermsal.Report)
	for i := range 4 {
		go func() {
			if i%2 == 0 {
				reports <- auth.Doctor(t.Context())
				return
			}
			reports <- auth.DoctorWithApp(t.Context(), app)
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

// A check of a system that does not respond takes seconds. In this test they are virtual.
func TestDoctor_EndsInTime(t *testing.T) {
	t.Parallel()
	forever := entratest.Fault{Delay: 1000 * time.Hour}
	for name, row := range map[string]struct {
		want    []string
		arrange func(*doctorTest)
	}{
		"discovery": {[]string{"error discovery"}, func(d *doctorTest) {
			d.idp.ClearFaults()
			d.idp.Fault(entratest.Discovery, forever)
		}},
		"all but discovery": {
			[]string{"error signing_keys", "warning credential_unchecked", "warning redirect_uri_unchecked"}, func(d *doctorTest) {
				for _, e := range []entratest.Endpoint{entratest.Keys, entratest.Token, entratest.Authorize} {
					d.idp.Fault(e, forever)
				}
			},
		},
		"a credential": {[]string{"warning credential_unchecked"}, func(d *doctorTest) {
			by(fibermsal.ClientCredentialFunc(func(context.Context) (confidential.Credential, error) {
				time.Sleep(time.Hour)
				return confidential.NewCredFromSecret("late")
			}))(&d.cfg)
		}},
		"a storage": {[]string{"warning storage_unchecked"}, func(d *doctorTest) { d.cfg.Storage = lazy{d.ledger()} }},
		"a handler": {[]string{"warning login_route_unchecked"}, func(d *doctorTest) {
			d.routes = func(app *fiber.App, _ *fibermsal.Auth) {
				app.Use(func(*fiber.Ctx) error { time.Sleep(time.Hour); return nil })
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDoctorTest(t)
				row.arrange(d)
				began := time.Now()
				d.expect(row.want...)
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("it took %v", took)
				}
				time.Sleep(2 * time.Hour) // until the abandoned checks end
			})
		})
	}
}

// lazy is a storage that needs an hour for a write.
type lazy struct{ *ledger }

func (l lazy) Set(key string, value []byte, life time.Duration) error {
	time.Sleep(time.Hour)
	return l.ledger.Set(key, value, life)
}

func TestDoctor_CancelledChecksAreNotOK(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := newDoctorTest(t)
	d.on()
	if got, want := problemsOf(d.examine(ctx)), []string{"warning discovery_unchecked", "warning redis_unchecked"}; !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
