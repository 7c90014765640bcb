package fibermsal_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestReady_TellsWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l))
		s.app.Get("/ready", s.auth.ReadyHandler)
		ready := func(status int, body string) {
			t.Helper()
			if a := s.send(request(http.MethodGet, "/ready", "")); a.StatusCode != status || a.Text != body {
				t.Errorf("%d %s, want %d %s", a.StatusCode, a.Text, status, body)
			}
		}
		s.idp.Fault(entratest.Discovery, entratest.Fault{Times: 1, Status: 500})
		ready(503, `{"entra":false,"storage":true}`)
		time.Sleep(time.Minute)
		ready(200, `{"entra":true,"storage":true}`)
		l.fail(true, true)
		ready(503, `{"entra":true,"storage":false}`)
		l.fail(false, false)
		time.Sleep(time.Second)
		ready(200, `{"entra":true,"storage":true}`)
	})
}
