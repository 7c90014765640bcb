package entratest_test

import (
	"context"
	"crypto/rsa"
	"strings"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/entratest"
)

// workload is an issuer of tokens for workloads.
func workload(changes claimSet) claimSet {
	now := time.Now().Unix()
	return with(claimSet{
		"iss": "https://issuer.example", "sub": "system:serviceaccount:shop:web", "aud": []string{"api://AzureADTokenExchange"},
		"iat": now, "nbf": now, "exp": now + 3600,
	}, changes)
}

func TestFederated_TokensReplaceASecret(t *testing.T) {
	t.Parallel()
	keys := testKeys()
	credential := entratest.FederatedCredential{
		Issuer: "https://issuer.example", Subject: "system:serviceaccount:shop:web", Keys: []*rsa.PublicKey{&keys[0].PublicKey},
	}
	sovereign := credential
	sovereign.Audience = "api://AzureADTokenExchangeUSGov"
	for name, tt := range map[string]struct {
		change claimSet
		key    int
		alg    string
		code   int
	}{
		"right":                     {nil, 0, "RS256", 0},
		"with one audience":         {claimSet{"aud": "api://AzureADTokenExchange"}, 0, "RS256", 0},
		"of another cloud":          {claimSet{"aud": "api://AzureADTokenExchangeUSGov"}, 0, "RS256", 0},
		"without nbf":               {claimSet{"nbf": nil}, 0, "RS256", 0},
		"another issuer":            {claimSet{"iss": "https://issuer.example/"}, 0, "RS256", 700211},
		"another subject":           {claimSet{"sub": "system:serviceaccount:shop:db"}, 0, "RS256", 700213},
		"another case":              {claimSet{"sub": "system:serviceaccount:shop:Web"}, 0, "RS256", 7002138},
		"another audience":          {claimSet{"aud": "sts.amazonaws.com"}, 0, "RS256", 700212},
		"two audiences":             {claimSet{"aud": []string{"api://AzureADTokenExchange", "b"}}, 0, "RS256", 700212},
		"audience without meaning":  {claimSet{"aud": 5}, 0, "RS256", 700212},
		"expired":                   {claimSet{"exp": 1}, 0, "RS256", 700024},
		"another key":               {nil, 1, "RS256", 7000272},
		"another algorithm":         {nil, 0, "PS256", 5002730},
		"subject in the audience's": {claimSet{"sub": "api://AzureADTokenExchange"}, 0, "RS256", 700213},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, entratest.WithoutClientSecret(), entratest.WithFederatedCredential(credential), entratest.WithFederatedCredential(sovereign))
			form := assertionForm(s, sign(t, keys[tt.key], claimSet{"alg": tt.alg, "kid": "1"}, workload(tt.change)))
			for range 2 { // a workload reads the same token from its file again and again
				a := redeem(t, s, form)
				switch {
				case tt.code == 5002730:
					wantError(t, a, 400, "invalid_request", tt.code, "")
				case tt.code != 0:
					wantError(t, a, 401, "invalid_client", tt.code, "")
				case a.StatusCode != 200:
					t.Error(a.body)
				}
			}
		})
	}
}

func TestFederated_CredentialsCanBeChangedAndServeMSAL(t *testing.T) {
	t.Parallel()
	keys := testKeys()
	s := newServer(t, entratest.WithoutClientSecret())
	credential := confidential.NewCredFromAssertionCallback(func(context.Context, confidential.AssertionRequestOptions) (string, error) {
		return sign(t, keys[0], claimSet{"alg": "RS256"}, workload(nil)), nil
	})
	client, err := confidential.New(s.Authority, s.ClientID, credential, confidential.WithHTTPClient(s.HTTPClient), confidential.WithInstanceDiscovery(false))
	if err != nil {
		t.Fatal(err)
	}
	redeemWith := func() error {
		_, err := client.AcquireTokenByCredential(t.Context(), []string{"https://graph.microsoft.com/.default"})
		return err
	}
	if err := redeemWith(); err == nil || !strings.Contains(err.Error(), "AADSTS700211") {
		t.Errorf("without a credential: %v", err)
	}
	s.SetFederatedCredentials(entratest.FederatedCredential{
		Issuer: "https://issuer.example", Subject: "system:serviceaccount:shop:web", Keys: []*rsa.PublicKey{&keys[1].PublicKey, &keys[0].PublicKey},
	})
	if err := redeemWith(); err != nil {
		t.Error(err)
	}
}
