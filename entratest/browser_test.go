package entratest_test

import (
	"net/url"
	"strings"
	"testing"
)

func TestBrowser_CancelAndDeclineGiveTheirOwnErrors(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	cancelled, err := s.Cancel(authorizeURL(s))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"error": {"access_denied"}, "error_subcode": {"cancel"}, "state": {"the-state"}}
	if got := cancelled.Values.Encode(); got != want.Encode() {
		t.Errorf("Cancel gave %s", got)
	}
	declined, err := s.Decline(authorizeURL(s), "adelev@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	if v := declined.Values; v.Get("error") != "access_denied" || !strings.HasPrefix(v.Get("error_description"), "AADSTS65004: ") || v.Get("error_uri") != "https://login.entra.test/error?code=65004" {
		t.Errorf("Decline gave %v", v)
	}
}
