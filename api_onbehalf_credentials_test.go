package fibermsal_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestOnBehalf_WithEveryClientCredential(t *testing.T) {
	t.Parallel()
	pair := newKeyPair(t, 7)
	certificate := filepath.Join(t.TempDir(), "app.pem")
	write(t, certificate, pair.pem)
	f := &federated{key: newKeyPair(t, 3).key, issuer: "https://kubernetes.example/"}
	workloadToken := filepath.Join(t.TempDir(), "token")
	write(t, workloadToken, []byte(f.token(t, workload, exchangeAudience)))
	for name, row := range map[string]struct {
		option entratest.Option
		by     fibermsal.ClientCredential
		sends  string
	}{
		"certificate": {entratest.WithCertificate(pair.certificate), fibermsal.CertificateFile(certificate), "client_assertion"},
		"federated": {entratest.WithFederatedCredential(entratest.FederatedCredential{
			Issuer: f.issuer, Subject: workload, Audience: exchangeAudience, Keys: []*rsa.PublicKey{&f.key.PublicKey},
		}), fibermsal.WorkloadIdentity(workloadToken), "client_assertion"},
		"secret": {entratest.WithClientSecret("secret-of-the-app"), fibermsal.ClientCredentialFunc(func(context.Context) (confidential.Credential, error) {
			return confidential.NewCredFromSecret("secret-of-the-app")
		}), "client_secret"},
	} {
		options := []entratest.Option{entratest.WithAPI(ownAPI(2)), row.option}
		if name != "secret" {
			options = append(options, entratest.WithoutClientSecret())
		}
		idp := newIDP(t, options...)
		s := newCallee(t, idp, by(row.by))
		s.serves(idp.Issue(adele, apiScope))
		if calls := exchanges(idp); len(calls) != 1 || calls[0].Form.Get(row.sends) == "" {
			t.Errorf("%s: %d calls", name, len(calls))
		}
	}
}

// If a ClientCredential fails, the client is not at fault. If it panics, the process continues.
func TestOnBehalf_AClientCredentialThatFails(t *testing.T) {
	for name, row := range map[string]struct {
		fails  func() error
		status int
		pause  time.Duration
	}{
		"fails":  {func() error { return errors.New("the vault is locked") }, 503, 5 * time.Second},
		"panics": {func() error { panic("the vault is gone") }, 500, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
				var broken atomic.Bool
				var asked atomic.Int32
				s := newCallee(t, idp, by(fibermsal.ClientCredentialFunc(func(context.Context) (confidential.Credential, error) {
					asked.Add(1)
					if broken.Load() {
						if err := row.fails(); err != nil {
							return confidential.Credential{}, err
						}
					}
					return confidential.NewCredFromSecret(idp.ClientSecret)
				})))
				broken.Store(true)
				token := idp.Issue(adele, apiScope)
				if answers := storm("/api/graph", token, adele, s); answers[row.status] != 50 || asked.Load() != 1 {
					t.Errorf("%v, asked %d times\n%s", answers, asked.Load(), s.log)
				}
				broken.Store(false)
				time.Sleep(row.pause + time.Second)
				s.serves(token)
			})
		})
	}
}

func TestOnBehalf_TheSecretRotates(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)), entratest.WithClientSecret("first-secret-of-the-app"))
	s := newCallee(t, idp, func(cfg *fibermsal.Config) {
		cfg.ClientSecret, cfg.PreviousSecrets = "second-secret-of-the-app", []string{"first-secret-of-the-app"}
	})
	s.serves(idp.Issue(adele, apiScope))
	s.serves(idp.Issue(adele, apiScope)) // with the accepted one
	idp.SetClientSecret("second-secret-of-the-app")
	s.serves(idp.Issue(adele, apiScope))
	if calls := len(exchanges(idp)); calls != 5 {
		t.Errorf("%d token calls", calls)
	}
}

// A token cannot be exchanged at the tenants organizations and common. The tenant of the caller must be
// used.
func TestOnBehalf_TheTenantOfTheCallerExchanges(t *testing.T) {
	t.Parallel()
	bob := entratest.User{ID: "22222222-0000-0000-0000-000000000001", UPN: "bob@fabrikam.example", DisplayName: "Bob"}
	for _, audience := range []string{"organizations", "common"} {
		for _, version := range []int{1, 2} {
			idp := newIDP(t, entratest.WithAPI(ownAPI(version)), entratest.WithExtraTenant(otherTenant, bob))
			s := newCallee(t, idp, func(cfg *fibermsal.Config) {
				cfg.Authority = strings.Replace(idp.Authority, idp.TenantID, audience, 1)
				cfg.AllowedTenants = []string{idp.TenantID, otherTenant}
			})
			s.browser().signIn(bob.UPN) // consents
			for login, tenant := range map[string]string{adele: idp.TenantID, bob.UPN: otherTenant} {
				idp.ResetRequests()
				token := idp.Issue(login, apiScope)
				for range 3 {
					if a := s.call("/api/graph", token); a.Text != login {
						t.Errorf("%s, version %d, %s: %d %s\n%s", audience, version, login, a.StatusCode, a.Text, s.log)
					}
				}
				if calls := exchanges(idp); len(calls) != 1 || !strings.HasPrefix(calls[0].URL.Path, "/"+tenant+"/") {
					t.Errorf("%s, version %d, %s: %d calls, %+v", audience, version, login, len(calls), calls)
				}
			}
		}
	}
}

func TestOnBehalf_InSovereignClouds(t *testing.T) {
	t.Parallel()
	for cloud, hosts := range map[fibermsal.Cloud][2]string{
		fibermsal.USGovernmentCloud: {"login.microsoftonline.us", "graph.microsoft.us"},
		fibermsal.ChinaCloud:        {"login.partner.microsoftonline.cn", "microsoftgraph.chinacloudapi.cn"},
		fibermsal.BleuCloud:         {"login.sovcloud-identity.fr", "graph.svc.sovcloud.fr"},
	} {
		idp := newIDP(t, entratest.WithAPI(ownAPI(2)), entratest.WithHosts(hosts[0], hosts[1]))
		s := newCallee(t, idp, func(cfg *fibermsal.Config) {
			cfg.GraphURL, cfg.Cloud, cfg.Authority, cfg.TenantID = "", cloud, "", idp.TenantID
		})
		s.serves(idp.Issue(adele, apiScope))
		if calls := exchanges(idp); len(calls) != 1 || calls[0].URL.Host != hosts[0] {
			t.Errorf("%s: %d calls", cloud, len(calls))
		}
	}
}

// On the same route, the session of the cookie and the caller's token have separate tokens.
func TestOnBehalf_ARouteForBothHasTheTokensOfEither(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newCallee(t, idp)
	s.app.Get("/both/graph", fibermsal.RequireFrom(fibermsal.Sessions|fibermsal.UserTokens), tokenOwner(idp))
	b := s.browser()
	b.signIn(alex)
	cookie := "Cookie: " + sessionCookie + "=" + b.Jar[sessionCookie].Value
	for range 3 {
		if a := s.call("/both/graph", "", cookie); a.Text != alex {
			t.Errorf("by session: %d %s", a.StatusCode, a.Text)
		}
		if a := s.call("/both/graph", idp.Issue(adele, apiScope), cookie); a.Text != adele {
			t.Errorf("by token: %d %s", a.StatusCode, a.Text)
		}
	}
	if calls := len(exchanges(idp)); calls != 3 {
		t.Errorf("%d token calls for three tokens", calls)
	}
	if a := s.call("/both/graph", ""); a.StatusCode != http.StatusUnauthorized {
		t.Errorf("neither: %d", a.StatusCode)
	}
}
