package fibermsal_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestAppOnly_TokensAreSharedAndRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		idp := newIDP(t, entratest.WithAppPermissions("User.Read.All"))
		s, other := newSite(t, idp, onLedger(l)), newSite(t, idp, onLedger(l))
		get := func(s *site, scopes ...string) (string, error) {
			r := tokenRequest()
			r.Scopes = scopes
			token, err := s.auth.AppCredential().GetToken(context.Background(), r)
			return token.Token, err
		}
		first, err := get(s)
		if err != nil || first == "" {
			t.Fatalf("%#v\n%s", errors.Unwrap(err), s.log)
		}
		again, _ := get(s)
		there, _ := get(other, "https://graph.entra.test/.default")
		if again != first || there != first || idp.Count(entratest.Token) != 1 {
			t.Errorf("%d token calls", idp.Count(entratest.Token))
		}
		time.Sleep(2 * time.Hour)
		if renewed, err := get(s); err != nil || renewed == first || idp.Count(entratest.Token) != 2 {
			t.Errorf("%v, %d token calls", err, idp.Count(entratest.Token))
		}
		if _, err := get(s, "User.Read"); !errors.Is(err, fibermsal.ErrMisconfigured) {
			t.Errorf("a delegated scope: %v", err)
		}
		time.Sleep(2 * time.Hour)
		l.fail(true, true)
		if token, err := get(other); err != nil || token == "" {
			t.Errorf("storage down: %v", err)
		}
		l.fail(false, false)
		idp.SetClientSecret("changed-by-somebody")
		time.Sleep(2 * time.Hour)
		if _, err := get(s); !errors.Is(err, fibermsal.ErrMisconfigured) || errors.Is(err, fibermsal.ErrLoginRequired) {
			t.Errorf("refused: %v", err)
		}
		calls := idp.Count(entratest.Token)
		if _, err := get(s); !errors.Is(err, fibermsal.ErrMisconfigured) || idp.Count(entratest.Token) != calls {
			t.Errorf("asked again at once: %v", err)
		}
		time.Sleep(time.Minute)
		idp.Fault(entratest.Token, entratest.Fault{Status: 503, Body: "down"})
		if _, err := get(s); !errors.Is(err, fibermsal.ErrUnavailable) {
			t.Errorf("Entra down: %v", err)
		}
	})
}

func TestAppOnly_TokenOfSecondsIsHandedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := newIDP(t, entratest.WithAppPermissions("User.Read.All"), entratest.WithAccessTokenLifetime(10*time.Second))
		s := newSite(t, idp)
		for range 3 {
			token, err := s.auth.AppCredential().GetToken(t.Context(), tokenRequest())
			if err != nil || token.Token == "" || time.Until(token.ExpiresOn) < 7*time.Second {
				t.Errorf("%.5q until %v, %v", token.Token, token.ExpiresOn, err)
			}
			time.Sleep(time.Second)
		}
	})
}

// A caller that reads the cache before a renewal ends, and requests a token after it, must use the
// result of the renewal.
func TestAppOnly_CallersWhoComeJustAfterARefusalDoNotAskAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		idp := newIDP(t, entratest.WithAppPermissions("User.Read.All"), entratest.WithAccessTokenLifetime(time.Hour))
		app := newSite(t, idp).auth.AppCredential()
		get := func() {
			if _, err := app.GetToken(t.Context(), tokenRequest()); err != nil {
				t.Error(err)
			}
		}
		get()
		time.Sleep(51 * time.Minute)
		idp.Fault(entratest.Token, entratest.Fault{Status: 429, Header: http.Header{"Retry-After": {"5"}}, Body: "{}"})
		for round := range 60 {
			idp.ResetRequests()
			var wait sync.WaitGroup
			for range 16 {
				wait.Go(func() {
					for range 8 {
						get()
					}
				})
			}
			wait.Wait()
			synctest.Wait()
			if n := idp.Count(entratest.Token); n != 1 {
				t.Fatalf("round %d: %d token calls within the pause that Entra asked for", round, n)
			}
			time.Sleep(6 * time.Second)
		}
	})
}

func TestAppOnly_TokenIsRenewedAheadWithoutAnybodyWaiting(t *testing.T) {
	for name, row := range map[string]struct {
		option entratest.Option
		after  time.Duration
		fault  entratest.Fault
		calls  int
	}{
		"before its end":    {entratest.WithAccessTokenLifetime(time.Hour), 51 * time.Minute, entratest.Fault{Times: 1, Delay: 5 * time.Second}, 1},
		"half-way, if new":  {entratest.WithAccessTokenLifetime(8 * time.Minute), 7 * time.Minute, entratest.Fault{Times: 1, Delay: 5 * time.Second}, 1},
		"when Entra says":   {entratest.WithRefreshIn(20 * time.Minute), 21 * time.Minute, entratest.Fault{Times: 1, Delay: 5 * time.Second}, 1},
		"not if Entra asks": {entratest.WithAccessTokenLifetime(time.Hour), 51 * time.Minute, entratest.Fault{Status: 429, Header: http.Header{"Retry-After": {"120"}}, Body: "{}"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				idp := newIDP(t, entratest.WithAppPermissions("User.Read.All"), row.option)
				l := newLedger()
				s := newSite(t, idp, onLedger(l))
				get := func(s *site) string {
					began := time.Now()
					token, err := s.auth.AppCredential().GetToken(t.Context(), tokenRequest())
					if err != nil || time.Since(began) > time.Second {
						t.Fatalf("after %v: %v", time.Since(began), err)
					}
					return token.Token
				}
				first := get(s)
				time.Sleep(row.after)
				idp.ResetRequests()
				idp.Fault(entratest.Token, row.fault)
				for range 20 {
					if get(s) != first {
						t.Error("another token")
					}
				}
				time.Sleep(10 * time.Second)
				if renewed := get(s); (renewed != first) != (row.fault.Delay > 0) {
					t.Error("not renewed, or by nobody")
				}
				if n := idp.Count(entratest.Token); n != row.calls {
					t.Errorf("%d token calls", n)
				}
				idp.ClearFaults()
				idp.Fault(entratest.Token, entratest.Fault{Drop: true})
				get(newSite(t, idp, onLedger(l))) // finds it in the storage
			})
		})
	}
}

func TestAppOnly_FailuresAreNotRetriedAtOnce(t *testing.T) {
	for name, fault := range map[string]entratest.Fault{
		"throttled": {Status: 429, Header: http.Header{"Retry-After": {"60"}}, Body: "{}"},
		"refused":   {Status: 401, OAuth: &entratest.OAuthError{Error: "invalid_client", Codes: []int{7000215}}},
	} {
		synctest.Test(t, func(t *testing.T) {
			idp := newIDP(t, entratest.WithAppPermissions("User.Read.All"))
			s := newSite(t, idp)
			idp.Fault(entratest.Token, fault)
			for range 50 {
				_, _ = s.auth.AppCredential().GetToken(context.Background(), policy.TokenRequestOptions{})
			}
			if n := idp.Count(entratest.Token); n > 1 {
				t.Errorf("%s: %d token calls", name, n)
			}
		})
	}
}

// panickingCredential is the environment variable for a subprocess of this test whose credential
// panics.
const panickingCredential = "FIBERMSAL_TEST_PANICKING_CREDENTIAL"

func TestAppOnly_PanicOfACredentialEndsNoProcess(t *testing.T) {
	if os.Getenv(panickingCredential) != "" {
		s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
			cfg.ClientSecret = ""
			cfg.Credential = fibermsal.ClientCredentialFunc(func(context.Context) (confidential.Credential, error) { panic("the app's own") })
		})
		_, err := s.auth.AppCredential().GetToken(context.Background(), policy.TokenRequestOptions{})
		if !errors.Is(err, fibermsal.ErrMisconfigured) {
			t.Error(err)
		}
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^TestAppOnly_PanicOfACredentialEndsNoProcess$")
	cmd.Env = append(os.Environ(), panickingCredential+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("the process ended: %v\n%.200s", err, out)
	}
}
