package entratest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestCertificates_CanBeRotated(t *testing.T) {
	t.Parallel()
	first, second := newKeyPair(t, 0, time.Hour), newKeyPair(t, 1, time.Hour)
	s := newServer(t, entratest.WithoutClientSecret(), entratest.WithCertificate(first.cert))
	redeemWith := func(p keyPair) answer { return redeem(t, s, assertionForm(s, sign(t, p.key, p.header(), payload(s)))) }
	wantError(t, redeemWith(second), 401, "invalid_client", 700027, "")
	s.SetCertificates(first.cert, second.cert)
	for _, p := range []keyPair{first, second} {
		if a := redeemWith(p); a.StatusCode != 200 {
			t.Error(a.body)
		}
	}
	s.SetCertificates(second.cert)
	wantError(t, redeemWith(first), 401, "invalid_client", 700027, "")
	wantError(t, redeem(t, s, assertionForm(s, "", "client_secret=anything")), 401, "invalid_client", 7000215, "")
	if s.ClientSecret != "" || len(s.Secrets()) == 0 || slices.Contains(s.Secrets(), "") {
		t.Errorf("secret %q", s.ClientSecret)
	}
}
