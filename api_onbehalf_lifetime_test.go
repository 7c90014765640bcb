package fibermsal_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// A credential may be used after its handler has returned, when Fiber already uses the request for
// others.
func TestOnBehalf_CredentialsAreKeptAfterTheHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
		s := newCallee(t, idp)
		tell(idp, 10*time.Minute, 0)
		var mu sync.Mutex
		kept := map[string]azcore.TokenCredential{}
		s.app.Get("/x/keep", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
			u, _ := fibermsal.FromContext(c)
			mu.Lock()
			defer mu.Unlock()
			kept[strings.Clone(u.Username)] = fibermsal.TokenCredential(c)
			return nil
		})
		for _, login := range []string{adele, alex} {
			s.call("/x/keep", idp.Issue(login, apiScope))
		}
		use := func() {
			t.Helper()
			var wait sync.WaitGroup
			for login, credential := range kept {
				for range 20 {
					wait.Go(func() {
						token, err := credential.GetToken(t.Context(), tokenRequest())
						if owner, _ := idp.TokenUser(token.Token); err != nil || owner != login {
							t.Errorf("the token of %s is %q's: %v", login, owner, err)
						}
					})
				}
			}
			for range 20 {
				wait.Go(func() { s.call("/api/graph", idp.Issue("LeeG@contoso.com", apiScope)) })
			}
			wait.Wait()
		}
		for range 6 { // tokens are renewed by the copy of the assertion
			use()
			time.Sleep(11 * time.Minute)
		}
		time.Sleep(10 * time.Minute)
		for login, credential := range kept {
			if _, err := credential.GetToken(t.Context(), tokenRequest()); !errors.Is(err, fibermsal.ErrInvalidToken) {
				t.Errorf("after the end of %s's token: %v", login, err)
			}
		}
	})
}

// Fiber reuses the buffers of a connection, so what is kept of a request must be copies (threat H2).
func TestH2_CredentialsOfCallersOutliveTheHandler(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newCallee(t, idp)
	var wait sync.WaitGroup
	var wrong, checked atomic.Int32
	s.app.Get("/x/later", fibermsal.RequireToken(), func(c *fiber.Ctx) error {
		user, _ := fibermsal.FromContext(c)
		credential, want := fibermsal.TokenCredential(c), user.Username
		wait.Go(func() {
			time.Sleep(time.Millisecond)
			token, err := credential.GetToken(context.Background(), tokenRequest())
			owner, _ := idp.TokenUser(token.Token)
			if checked.Add(1); err != nil || owner != want {
				wrong.Add(1)
			}
		})
		return c.SendString(want)
	})
	client := s.serve()
	for range 50 {
		for _, u := range idp.Users()[:4] {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://app.example/x/later", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+idp.Issue(u.UPN, apiScope))
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || string(body) != u.UPN {
				t.Errorf("%s got %d %q", u.UPN, resp.StatusCode, body)
			}
			_ = resp.Body.Close()
		}
	}
	wait.Wait()
	if wrong.Load() != 0 || checked.Load() != 200 || len(exchanges(idp)) != 200 {
		t.Errorf("%d wrong of %d, %d token calls", wrong.Load(), checked.Load(), len(exchanges(idp)))
	}
}

// Close waits for the exchange in progress, and no exchange begins after it.
func TestClose_DuringAnExchangeOnBehalfOfACaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
		s := newCallee(t, idp, onLedger(l))
		idp.Fault(entratest.Token, entratest.Fault{Delay: 2 * time.Second})
		token := idp.Issue(adele, apiScope)
		var wait sync.WaitGroup
		wait.Go(func() {
			if answers := storm("/api/graph", token, adele, s); answers[200] != 50 {
				t.Errorf("under way: %v\n%s", answers, s.log)
			}
		})
		time.Sleep(time.Second)
		if err := s.auth.Close(); err != nil {
			t.Error(err)
		}
		wait.Wait()
		if n := len(l.keys()); n != 1 {
			t.Errorf("%v is stored", l.keys())
		}
		if a := s.call("/api/graph", idp.Issue(adele, apiScope)); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("after Close: %d %s", a.StatusCode, a.Text)
		}
		if calls := len(exchanges(idp)); calls != 1 {
			t.Errorf("%d token calls", calls)
		}
	})
}
