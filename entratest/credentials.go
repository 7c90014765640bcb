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

// FederatedCredential allows tokens of another issuer instead of a secret, for workload identity
// federation or a managed identity as a federated credential. A token is accepted if its iss, sub and
// aud match exactly and it is signed by one of Keys with RS256.
type FederatedCredential struct {
	Issuer, Subject string
	// Audience is the aud claim. Default: "api://AzureADTokenExchange", with a suffix for the cloud of
	// [WithCloud], such as "api://AzureADTokenExchangeUSGov".
	Audience string
	// Keys are the public keys with which the issuer's tokens are verified. The kid of a token is
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
