package fibermsal_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// logoutConformance are the tests of front-channel logout and of logout that the app initiates.
func logoutConformance() []conformance {
	const (
		noHint  = "the suite requires `id_token_hint`. The library keeps no ID tokens: Entra takes `logout_hint`, which is sent instead"
		noState = "no `state` is sent, so that the suite skips it; the test opens the address all the same"
	)
	return []conformance{
		{
			id: "oidcc-client-test-rp-frontchannel-opinitlogout", provider: "ends the user's session, and opens the app's page in a frame", verdict: passed,
			must: "ends its session", does: "ends it, without its cookie", run: signedOutAtTheProvider,
		},
		{
			id: "oidcc-client-test-rp-frontchannel-rpinitlogout", provider: "opens the app's page in a frame, and leads back", verdict: deviating, remark: noHint,
			must: "sends the user to `end_session_endpoint`, and ends its session", does: "does so, without `id_token_hint`", run: signedOutByTheApp(""),
		},
		{
			id: "oidcc-client-test-rp-init-logout", provider: "leads back to the app", verdict: deviating, remark: noHint,
			must: "sends the user to `end_session_endpoint`, and shows the page", does: "does so, without `id_token_hint`", run: signedOutByTheApp(""),
		},
		{
			id: "oidcc-client-test-rp-init-logout-other-state", provider: "leads back with another `state`", verdict: inapplicable, remark: noState,
			must: "shows the page", does: "shows it", run: signedOutByTheApp("?state=another"),
		},
		{
			id: "oidcc-client-test-rp-init-logout-no-state", provider: "leads back without `state`", verdict: inapplicable, remark: noState,
			must: "shows the page", does: "shows it", run: signedOutByTheApp(""),
		},
	}
}

// newLogoutSite is a site whose page for front-channel logout is registered.
func newLogoutSite(t *testing.T, mode fibermsal.ResponseMode) *site {
	t.Helper()
	return newSite(t, newIDP(t, entratest.WithFrontChannelLogout(publicURL+"/user/frontchannel-logout"), entratest.WithFrontChannelIssuer()), inMode(mode))
}

// signedOutAtTheProvider is a user who signs out on a page of the provider, or of another app.
func signedOutAtTheProvider(t *testing.T, mode fibermsal.ResponseMode) {
	t.Helper()
	t.Parallel()
	s := newLogoutSite(t, mode)
	sso := s.idp.NewBrowser()
	b, elsewhere := s.browser(), s.browser()
	elsewhere.signInAs(adele, mode)
	s.signInThrough(sso, b)
	s.openFrames(sso, s.idp.Authority+"/oauth2/v2.0/logout")
	if b.user() != "" || elsewhere.user() != adele {
		t.Errorf("%q is signed in, %q elsewhere", b.user(), elsewhere.user())
	}
}

// signedOutByTheApp is a user who signs out of the app and returns to it, with a query.
func signedOutByTheApp(back string) func(*testing.T, fibermsal.ResponseMode) {
	return func(t *testing.T, mode fibermsal.ResponseMode) {
		t.Helper()
		t.Parallel()
		s := newLogoutSite(t, mode)
		sso := s.idp.NewBrowser()
		b, tab := s.browser(), s.browser()
		s.signInThrough(sso, b)
		s.signInThrough(sso, tab) // another session of the same browser's at the provider
		out := b.Send(request(http.MethodPost, "/user/logout", ""))
		if q := query(t, out.Location()); q.Get("post_logout_redirect_uri") != publicURL+"/" || q.Get("logout_hint") == "" || q.Has("id_token_hint") {
			t.Errorf("the user is sent to %s", out.Location())
		}
		target := s.openFrames(sso, out.Location())
		if target != publicURL+"/" {
			t.Errorf("and then to %q", target)
		}
		if a := b.Navigate(strings.TrimPrefix(target, publicURL) + back); a.StatusCode != http.StatusOK || a.Text != "home" {
			t.Errorf("which answers %d %s", a.StatusCode, a.Text)
		}
		if b.user() != "" || tab.user() != "" {
			t.Errorf("still signed in: %q, %q", b.user(), tab.user())
		}
	}
}

// signInThrough signs in with a browser's session at the provider.
func (s *site) signInThrough(sso *entratest.Browser, b *browser) {
	s.t.Helper()
	response, err := sso.SignIn(b.start(""), adele)
	if err != nil {
		s.t.Fatal(err)
	}
	if a := b.Send(response.Request()); a.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("status %d\n%s", a.StatusCode, s.log)
	}
}

// openFrames signs out at the provider, opens its page's frames, and returns the address that follows.
func (s *site) openFrames(sso *entratest.Browser, address string) (target string) {
	s.t.Helper()
	out, err := sso.SignOut(address, adele)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(out.Frames) != 1 || out.Frames[0].URL.Query().Get("iss") != s.idp.Authority+"/v2.0" {
		s.t.Fatalf("the provider opens %v", out.Frames)
	}
	for _, frame := range out.Frames {
		r := httptest.NewRequest(frame.Method, (&url.URL{Path: frame.URL.Path, RawQuery: frame.URL.RawQuery}).String(), http.NoBody)
		r.Host, r.Header = frame.URL.Host, frame.Header
		if a := s.send(r); a.StatusCode != http.StatusOK {
			s.t.Errorf("the frame answers %d %s", a.StatusCode, a.Text)
		}
	}
	return out.Target
}
