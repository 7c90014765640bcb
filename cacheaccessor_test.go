package fibermsal_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// byOwnClient gets a token as an app with its own MSAL client would.
func byOwnClient(c *fiber.Ctx, idp *entratest.Server, scope string) (confidential.AuthResult, error) {
	accessor, err := fibermsal.NewCacheAccessor(c)
	if err != nil {
		return confidential.AuthResult{}, err
	}
	secret, err := confidential.NewCredFromSecret(idp.ClientSecret)
	if err != nil {
		return confidential.AuthResult{}, err
	}
	client, err := confidential.New(idp.Authority, idp.ClientID, secret, confidential.WithCache(accessor),
		confidential.WithHTTPClient(idp.HTTPClient), confidential.WithInstanceDiscovery(false))
	if err != nil {
		return confidential.AuthResult{}, err
	}
	u, _ := fibermsal.FromContext(c)
	return client.AcquireTokenSilent(c.UserContext(), []string{scope},
		confidential.WithSilentAccount(confidential.Account{HomeAccountID: u.ID + "." + u.TenantID}))
}

func TestCacheAccessor_ServesAnMSALClientOfTheApp(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	s := newSite(t, idp)
	s.app.Get("/msal", func(c *fiber.Ctx) error {
		result, err := byOwnClient(c, idp, "User.Read")
		if err != nil {
			return err
		}
		owner, _ := idp.TokenUser(result.AccessToken)
		return c.SendString(owner)
	})
	b := s.browser()
	if a := b.Get("/msal"); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("for nobody: status %d", a.StatusCode)
	}
	b.signIn(adele)
	if a := b.Get("/msal"); a.Text != adele {
		t.Errorf("%d %s", a.StatusCode, a.Text)
	}
	var none fibermsal.CacheAccessor
	if none.Export(t.Context(), nil, cacheHints()) == nil {
		t.Error("an accessor of nobody works")
	}
}

// The app's own MSAL clients use no lock, so only compare-and-set protects the record.
func TestD9_ClientsOfTheAppLoseNothing(t *testing.T) {
	t.Parallel()
	const clients = 100 // 50 on each instance
	scopes := make([]string, clients)
	for i := range scopes {
		scopes[i] = fmt.Sprintf("api://resource%d/Read", i)
	}
	server, idp := redistest.Start(t), newIDP(t, entratest.WithScopes(scopes...))
	newOne := func() *site {
		s := newSite(t, idp, on(t, server))
		s.app.Get("/own/:n", func(c *fiber.Ctx) error {
			n, err := strconv.Atoi(c.Params("n"))
			if err != nil {
				return err
			}
			_, err = byOwnClient(c, idp, scopes[n])
			return err
		})
		return s
	}
	sites := []*site{newOne(), newOne()}
	b := sites[0].browser()
	authorizeURL, err := url.Parse(b.start(""))
	if err != nil {
		t.Fatal(err)
	}
	q := authorizeURL.Query()
	q.Set("scope", q.Get("scope")+" "+strings.Join(scopes, " ")) // consents to all of them
	authorizeURL.RawQuery = q.Encode()
	b.Send(b.approve(authorizeURL.String(), adele).Request())
	var wait sync.WaitGroup
	for i := range clients {
		r := request(http.MethodGet, fmt.Sprintf("/own/%d", i), "")
		r.AddCookie(b.Jar[sessionCookie])
		wait.Go(func() {
			if a := sites[i%2].send(r); a.StatusCode != http.StatusOK {
				t.Errorf("client %d: %d %s\n%s", i, a.StatusCode, a.Text, sites[i%2].log)
			}
		})
	}
	wait.Wait()
	if n := len(b.vault(server).accessTokens()); n != clients+1 {
		t.Errorf("%d tokens in the record, want %d", n, clients+1)
	}
}
