package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// site is the app with an emulated tenant, both in this process and without
// sockets.
type site struct {
	t      *testing.T
	app    *fiber.App
	idp    *entratest.Server
	log    *bytes.Buffer // of the access log; read it when no request is running
	origin string
}

const publicURL = "https://app.example"

// newSite starts the app as it runs with a real tenant, with changes.
func newSite(t *testing.T, change func(*settings), opts ...entratest.Option) *site {
	t.Helper()
	idp := entratest.New(append(opts,
		entratest.WithRedirectURI(publicURL+"/user/authorized"), entratest.WithLogoutURI(publicURL+"/"))...)
	t.Cleanup(func() { _ = idp.Close() })
	log := &bytes.Buffer{}
	s := &settings{accessLog: log, auth: forThisApp(fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority,
		GraphURL: idp.GraphURL, PublicURL: publicURL, HTTPClient: idp.HTTPClient,
	})}
	if change != nil {
		change(s)
	}
	app, err := newApp(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Shutdown() })
	return &site{t: t, app: app, idp: idp, log: log, origin: publicURL}
}

// Do lets a browser reach the app.
func (s *site) Do(r *http.Request) (*http.Response, error) { return testApp(s.app, r) }

// browser is a browser that signs in at a site.
type browser struct {
	*site
	*browsertest.Browser
	entra *entratest.Browser // its session there, if that is to last
}

func (s *site) browser() *browser {
	s.t.Helper()
	return &browser{site: s, Browser: browsertest.New(s.t, s, s.origin)}
}

// visit replaces the site, as a restart of the app does.
func (b *browser) visit(s *site) { b.site, b.App = s, s }

// signIn opens a guarded page and signs in. It returns where that led.
func (b *browser) signIn(path, login string) *browsertest.Answer {
	b.t.Helper()
	entra := b.entra
	if entra == nil {
		entra = b.idp.NewBrowser() // which knows nobody, as after a restart
	}
	at := b.Navigate(path)
	for range 2 { // what a silent sign-in does not bring, one with the user does
		if strings.HasPrefix(at.Location(), "/user/login") {
			at = b.Navigate(at.Location())
		}
		response, err := entra.SignIn(at.Location(), login)
		if err != nil {
			b.t.Fatal(err)
		}
		if at = b.Send(response.Request()); !strings.HasPrefix(at.Location(), "/user/login") {
			break
		}
	}
	return at
}

// signOut presses the button.
func (b *browser) signOut() *browsertest.Answer {
	b.t.Helper()
	return b.PostForm("/user/logout", nil)
}

// mustLackSecrets searches all responses and the access log for tokens, codes, verifiers, the client
// secret and cookies.
func (b *browser) mustLackSecrets() {
	b.t.Helper()
	b.Seen.MustLack(b.t, b.idp.Secrets(), b.log.String())
}
