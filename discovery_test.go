package fibermsal_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
)

func TestDiscovery_OfAnotherAuthorityIsRefused(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string][2]string{
		"issuer of another host":      {`"issuer":"https://login.entra.test/`, `"issuer":"https://evil.example/`},
		"issuer of another tenant":    {`"issuer":"https://login.entra.test/aaaabbbb`, `"issuer":"https://login.entra.test/bbbbbbbb`},
		"token endpoint elsewhere":    {`"token_endpoint":"https://login.entra.test/`, `"token_endpoint":"https://evil.example/`},
		"token endpoint in clear":     {`"token_endpoint":"https://`, `"token_endpoint":"http://`},
		"keys elsewhere":              {`"jwks_uri":"https://login.entra.test/`, `"jwks_uri":"https://evil.example/`},
		"authorize in clear":          {`"authorization_endpoint":"https://`, `"authorization_endpoint":"http://`},
		"authorize is a script":       {`"authorization_endpoint":"https://`, `"authorization_endpoint":"javascript://`},
		"no keys":                     {`"jwks_uri"`, `"jwks_uri_of_old"`},
		"no JSON":                     {`{`, `<`},
		"sign-out leads to elsewhere": {`"end_session_endpoint":"https://`, `"end_session_endpoint":"javascript://`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t)
			genuine := discoveryOf(t, idp)
			if !strings.Contains(genuine, replace[0]) {
				t.Fatalf("%s is not in %s", replace[0], genuine)
			}
			idp.Fault(entratest.Discovery, entratest.Fault{Body: strings.Replace(genuine, replace[0], replace[1], 1)})
			s := newSite(t, idp)
			if a := s.browser().Navigate("/user/login"); a.StatusCode != http.StatusServiceUnavailable || a.Location() != "" {
				t.Errorf("status %d, Location %q", a.StatusCode, a.Location())
			}
		})
	}
}

func discoveryOf(t *testing.T, idp *entratest.Server) string {
	t.Helper()
	resp, err := idp.HTTPClient.Get(idp.Authority + "/v2.0/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// The first sessions begin at once.
func TestG17_DiscoveryAndKeysOncePerProcess(t *testing.T) {
	t.Parallel()
	const atOnce = 8
	sessions := repeats(1000)
	s := newSite(t, newIDP(t))
	users := s.idp.Users() // more sessions of one would end the oldest
	var wait sync.WaitGroup
	for first := range atOnce {
		wait.Go(func() {
			for i := first; i < sessions; i += atOnce {
				b := s.browser()
				b.signIn(users[i%len(users)].UPN)
				b.Get("/token")
			}
		})
	}
	wait.Wait()
	for endpoint, want := range map[entratest.Endpoint]int{entratest.Discovery: 1, entratest.Keys: 1, entratest.InstanceDiscovery: 0, entratest.Token: sessions} {
		if n := s.idp.Count(endpoint); n != want {
			t.Errorf("%s: %d calls, want %d", endpoint, n, want)
		}
	}
	figure.Report(t, figure.Figure{
		Row: "R14", Name: fmt.Sprintf("calls for the OpenID configuration and the keys of %d sessions", sessions),
		Value: fmt.Sprintf("%d and %d", s.idp.Count(entratest.Discovery), s.idp.Count(entratest.Keys)),
	})
}

func TestG17_OldDiscoveryServesAtOnceWhileEntraStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t)).browser()
		b.start("")
		time.Sleep(25 * time.Hour)
		b.idp.Fault(entratest.Discovery, entratest.Fault{Delay: time.Hour})
		before := time.Now()
		b.start("")
		if waited := time.Since(before); waited > time.Second {
			t.Errorf("waited %v for what is remembered", waited)
		}
		time.Sleep(time.Minute)
	})
}
