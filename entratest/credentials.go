package entratest

import (
	"crypto/rsa"
	"time"

	"github.com/fibermsal/fibermsal/entratest/internal/clientauth"
)

// Secret is a client secret of the application's registration.
type Secret struct {
	// Value is the text that the application sends.
	Value string
	// Expires is the time from which the secret is refused with AADSTS7000222. Zero means never.
	Expires time.Time
}

// FederatedCredential lets tokens of another issuer replace a secret: workload identity federation, and a
// managed identity as federated credential. A token is accepted if its iss, sub and aud are exactly these and
// it is signed with one of Keys by RS256.
type FederatedCredential struct {
	Issuer, Subject string
	// Audience is the aud claim. Default: "api://AzureADTokenExchange", with the cloud of [WithCloud] at its end:
	// "api://AzureADTokenExchangeUSGov".
	Audience string
	// Keys are the keys that the issuer publishes for the verification of its tokens. The kid of a token is
	// ignored.
	Keys []*rsa.PublicKey
}

func internalSecrets(secrets []Secret) []clientauth.Secret {
	out := make([]clientauth.Secret, 0, len(secrets))
	for _, secret := range secrets {
		out = append(out, clientauth.Secret(secret))
	}
	return out
}

func internalFederated(federated []FederatedCredential) []clientauth.Federated {
	out := make([]clientauth.Federated, 0, len(federated))
	for _, f := range federated {
		out = append(out, clientauth.Federated(f))
	}
	return out
}
