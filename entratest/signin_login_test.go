package entratest_test

import (
	"net/url"
	"testing"
)

func TestLogin_RefusesConsentWithoutASignIn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := newBrowser(t, s)
	b.wants(b.press(url.Values{"user": {"adelev@contoso.com"}, "action": {"accept"}}), "accounts")
}

func TestStepUp_IsRefusedWithoutASignIn(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := newBrowser(t, s)
	b.wants(b.press(url.Values{"user": {"adelev@contoso.com"}, "action": {"approve"}}, "claims="+demandC1), "accounts")
	b.wants(b.press(url.Values{"user": {"adelev@contoso.com"}}, "claims="+demandC1), "step-up")
}
