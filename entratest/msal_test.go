package entratest_test

import (
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	msalerrors "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestMSAL_AuthenticatesByCertificate(t *testing.T) {
	t.Parallel()
	pair := newKeyPair(t, 0, time.Hour)
	s := newServer(t, entratest.WithoutClientSecret(), entratest.WithCertificate(pair.cert), entratest.WithAppPermissions("User.Read.All"))
	credential, err := confidential.NewCredFromCert([]*x509.Certificate{pair.cert}, pair.key)
	if err != nil {
		t.Fatal(err)
	}
	for _, authority := range []string{s.Authority, "https://login.entra.test/organizations"} {
		client, err := confidential.New(authority, s.ClientID, credential, confidential.WithHTTPClient(s.HTTPClient), confidential.WithInstanceDiscovery(false), confidential.WithX5C())
		if err != nil {
			t.Fatal(err)
		}
		first := acquire(t, s, client, "AdeleV@contoso.com")
		s.WithdrawConsent("AdeleV@contoso.com", "User.Read")
		if _, err := client.AcquireTokenSilent(t.Context(), []string{"Mail.Read"}, confidential.WithSilentAccount(first.Account)); err == nil || !strings.Contains(err.Error(), "AADSTS65001") {
			t.Errorf("%s: the renewal gave %v", authority, err)
		}
	}
}

func TestMSAL_GetsATokenOfItsOwn(t *testing.T) {
	t.Parallel()
	pair := newKeyPair(t, 0, time.Hour)
	s := newServer(t, entratest.WithCertificate(pair.cert), entratest.WithAppPermissions("User.Read.All"))
	byCertificate, err := confidential.NewCredFromCert([]*x509.Certificate{pair.cert}, pair.key)
	if err != nil {
		t.Fatal(err)
	}
	bySecret, err := confidential.NewCredFromSecret(s.ClientSecret)
	if err != nil {
		t.Fatal(err)
	}
	for name, credential := range map[string]confidential.Credential{"certificate": byCertificate, "secret": bySecret} {
		client, err := confidential.New(s.Authority, s.ClientID, credential, confidential.WithHTTPClient(s.HTTPClient), confidential.WithInstanceDiscovery(false))
		if err != nil {
			t.Fatal(err)
		}
		result, err := client.AcquireTokenByCredential(t.Context(), []string{"https://graph.microsoft.com/.default"})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if a := get(t, s, s.GraphURL+"/users/AlexW@contoso.com", "Authorization: Bearer "+result.AccessToken); a.json(t)["displayName"] != "Alex Wilber" {
			t.Error(a.body)
		}
	}
}

func TestMSAL_SignsInRenewsAndAnswersFromItsCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		client := newClient(t, s)
		first := acquire(t, s, client, "AdeleV@contoso.com")
		if login, ok := s.TokenUser(first.AccessToken); !ok || login != "AdeleV@contoso.com" {
			t.Errorf("the access token is %q's", login)
		}
		if got, want := first.Account.HomeAccountID, "87d349ed-44d7-43e1-9a83-5f2406dee5bd."+s.TenantID; got != want {
			t.Errorf("home account id %q, want %q", got, want)
		}
		silent := func() confidential.AuthResult {
			result, err := client.AcquireTokenSilent(t.Context(), graphScope, confidential.WithSilentAccount(first.Account))
			if err != nil {
				t.Fatal(err)
			}
			return result
		}
		if silent().AccessToken != first.AccessToken || s.Count(entratest.Token) != 1 {
			t.Error("a fresh token was not answered from the cache")
		}
		time.Sleep(71 * time.Minute) // virtual; MSAL renews in the last five minutes
		if silent().AccessToken == first.AccessToken || s.Count(entratest.Token) != 2 {
			t.Error("an old token was not renewed")
		}
	})
}

func TestMSAL_ReadsTheErrorsOfTheEmulator(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAccessTokenLifetime(299*time.Second)) // MSAL renews such a token at every call
	client := newClient(t, s)
	first := acquire(t, s, client, "AlexW@contoso.com")
	s.Revoke("AlexW@contoso.com")
	_, err := client.AcquireTokenSilent(t.Context(), graphScope, confidential.WithSilentAccount(first.Account))
	if err == nil || !strings.Contains(err.Error(), "AADSTS50173") {
		t.Errorf("after a revocation: %v", err)
	}
	r := signIn(t, s, "AlexW@contoso.com")
	_, err = client.AcquireTokenByAuthCode(t.Context(), r.Values.Get("code"), redirectURI, graphScope, confidential.WithChallenge("wrong"))
	var callErr msalerrors.CallErr
	if !errors.As(err, &callErr) || callErr.Resp.StatusCode != 400 {
		t.Errorf("a wrong verifier gave %v", err)
	}
}

func TestMSAL_SignsUsersOfEachTenantInThroughOrganizations(t *testing.T) {
	t.Parallel()
	const tenant2 = "22222222-2222-4222-8222-222222222222"
	s := newServer(t, entratest.WithExtraTenant(tenant2, entratest.User{ID: "33333333-3333-4333-8333-333333333333", UPN: "TobiasF@fabrikam.com", Mail: "AdeleV@contoso.com"}))
	s.Authority = "https://login.entra.test/organizations"
	client := newClient(t, s)
	for login, want := range map[string]string{"TobiasF@fabrikam.com": tenant2, "AdeleV@contoso.com": s.TenantID} {
		if got := acquire(t, s, client, login); got.IDToken.TenantID != want || got.IDToken.Issuer != "https://login.entra.test/"+want+"/v2.0" {
			t.Errorf("%s has tenant %s and issuer %s, want %s", login, got.IDToken.TenantID, got.IDToken.Issuer, want)
		}
	}
}
