package fibermsal_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// Not parallel: the providers are global.
func TestTelemetry_EntrasNumbersAreCounted(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	defer telemetry.observe()
	synctest.Test(t, func(t *testing.T) {
		idp := newIDP(t)
		s := newSite(t, idp)
		fail := func(number int) entratest.Fault {
			return entratest.Fault{Times: 1, OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{number}}}
		}
		b := s.browser()
		for _, number := range []int{54005, 1234567, 7654321} { // the numbers that nobody knows share one value
			idp.Fault(entratest.Token, fail(number))
			b.Send(b.approve(b.start(""), adele).Request())
		}
		b.Send(callback("state=" + state(t, b.start("")) + "&error=invalid_scope&error_description=AADSTS70011:+x"))
		b.Send(callback("state=" + state(t, b.start("")) + "&error=server_error&error_description=AADSTS99999999:+x"))
		b.signIn(adele)
		time.Sleep(2 * time.Hour)
		idp.Fault(entratest.Token, fail(50173))
		b.Get("/token")
		idp.Fault(entratest.Token, entratest.Fault{Times: 1, Status: 503, OAuth: &entratest.OAuthError{Error: "temporarily_unavailable", Codes: []int{90033}}})
		_, _ = s.auth.AppCredential().GetToken(t.Context(), tokenRequest())
		idp.Fault(entratest.Token, entratest.Fault{Times: 1, Status: 401, OAuth: &entratest.OAuthError{Error: "invalid_client", Codes: []int{7000222}}})
		time.Sleep(time.Minute)
		_, _ = s.auth.AppCredential().GetToken(t.Context(), tokenRequest())
		wrong := newSite(t, idp, func(cfg *fibermsal.Config) { cfg.Authority = "https://login.entra.test/fabrikam.example" })
		if a := wrong.browser().Navigate("/user/login"); a.StatusCode != http.StatusInternalServerError {
			t.Errorf("%d", a.StatusCode)
		}
	})
	var all metricdata.ResourceMetrics
	if err := reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	counted := map[string]int64{}
	for _, p := range points(all) {
		number, numbered := p.attributes.Value("aadsts")
		outcome, _ := p.attributes.Value("outcome")
		endpoint, _ := p.attributes.Value("endpoint")
		if numbered || p.name == "fibermsal.sign_ins" {
			counted[p.name+" "+outcome.AsString()+endpoint.AsString()+" "+number.AsString()] += p.count
		}
	}
	for name, want := range map[string]int64{
		"fibermsal.sign_ins sign_in_rejected 54005": 1,
		"fibermsal.sign_ins sign_in_rejected 70011": 1,
		"fibermsal.sign_ins sign_in_rejected other": 2,
		"fibermsal.sign_ins unavailable other":      1,
		"fibermsal.entra.errors token 54005":        1,
		"fibermsal.entra.errors token other":        2,
		"fibermsal.entra.errors token 50173":        1,
		"fibermsal.entra.errors token 90033":        1,
		"fibermsal.entra.errors token 7000222":      1,
		"fibermsal.entra.errors authorize 70011":    1,
		"fibermsal.entra.errors authorize other":    1,
		"fibermsal.entra.errors discovery 90002":    1,
	} {
		if counted[name] != want {
			t.Errorf("%s: %d, want %d", name, counted[name], want)
		}
	}
	if t.Failed() {
		t.Logf("%v", counted)
	}
}
