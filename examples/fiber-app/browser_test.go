package main

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// site is the app with an emulated tenant, both in this process and without
// sockets.
type site struct {
	app *fiber.App
	idp *entratest.Server
	log *bytes.Buffer // of the access log; read it when no request is running
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
	return &site{app: app, idp: idp, log: log}
}

// browser keeps cookies between requests and follows nothing by itself.
type browser struct {
	*site
	cookies map[string]string
	seen    []string           // the texts of all answers
	entra   *entratest.Browser // its session there, if that is to last
}

func (s *site) browser() *browser { return &browser{site: s, cookies: map[string]string{}} }

// answer is a response whose body has been read.
type answer struct {
	*http.Response
	text string
}

func (b *browser) send(t *testing.T, r *http.Request) *answer {
	t.Helper()
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := b.app.Test(r, -1)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range response.Cookies() {
		if c.Value == "" {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	b.seen = append(b.seen, string(body))
	return &answer{response, string(body)}
}

// open navigates to a page.
func (b *browser) open(t *testing.T, path string) *answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(t, r)
}

// fetch asks as a program does.
func (b *browser) fetch(t *testing.T, path string) *answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept", "application/json")
	return b.send(t, r)
}

// signIn opens a guarded page and signs in. It returns where that led.
func (b *browser) signIn(t *testing.T, path, login string) *answer {
	t.Helper()
	entra := b.entra
	if entra == nil {
		entra = b.idp.NewBrowser() // which knows nobody, as after a restart
	}
	at := b.open(t, path)
	for range 2 { // what a silent sign-in does not bring, one with the user does
		if strings.HasPrefix(at.Header.Get("Location"), "/user/login") {
			at = b.open(t, at.Header.Get("Location"))
		}
		response, err := entra.SignIn(at.Header.Get("Location"), login)
		if err != nil {
			t.Fatal(err)
		}
		if at = b.send(t, response.Request()); !strings.HasPrefix(at.Header.Get("Location"), "/user/login") {
			break
		}
	}
	return at
}

// signOut presses the button.
func (b *browser) signOut(t *testing.T) *answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/user/logout", nil)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.send(t, r)
}

// mustLackSecrets looks for tokens, codes, verifiers, the client secret and cookies
// in everything the browser was shown and the access log.
func (b *browser) mustLackSecrets(t *testing.T) {
	t.Helper()
	secrets := append(b.idp.Secrets(), slices.Collect(maps.Values(b.cookies))...)
	for _, text := range append(b.seen, b.log.String()) {
		for _, secret := range secrets {
			if strings.Contains(text, secret) || strings.Contains(text, url.QueryEscape(secret)) {
				t.Errorf("a secret, %.12s…, is in: %.300s", secret, text)
			}
		}
	}
}
