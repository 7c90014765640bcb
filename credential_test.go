package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestCredential_SecretsRotateWithoutARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := newIDP(t, entratest.WithClientSecret("first-secret-of-the-app"), entratest.WithAccessTokenLifetime(time.Hour))
		s := newSite(t, idp, func(cfg *fibermsal.Config) {
			cfg.ClientSecret, cfg.PreviousSecrets = "second-secret-of-the-app", []string{"zeroth-secret-of-the-app", "first-secret-of-the-app"}
		})
		b := s.browser()
		b.signIn(adele) // by the third in the row
		if n := idp.Count(entratest.Token); n != 3 {
			t.Errorf("%d token calls", n)
		}
		renew := func(calls int) {
			t.Helper()
			time.Sleep(2 * time.Hour)
			idp.ResetRequests()
			if a := b.get("/token"); a.body != adele || idp.Count(entratest.Token) != calls {
				t.Errorf("%d %s, %d token calls, want %d", a.StatusCode, a.body, idp.Count(entratest.Token), calls)
			}
		}
		renew(1) // the accepted one is remembered
		idp.SetClientSecret("second-secret-of-the-app")
		renew(2)
		renew(1)
		idp.SetClientSecret("a-secret-nobody-knows")
		time.Sleep(2 * time.Hour)
		idp.ResetRequests()
		if a := b.get("/token"); a.StatusCode != http.StatusInternalServerError || idp.Count(entratest.Token) != 3 {
			t.Errorf("%d, %d token calls", a.StatusCode, idp.Count(entratest.Token))
		}
		if log := s.log.String(); !strings.Contains(log, "7000215") || strings.Contains(log, "secret-of-the-app") {
			t.Errorf("%s", log)
		}
	})
}
