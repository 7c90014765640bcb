package authority

import (
	"cmp"
	"context"
	"errors"
	"os"
	"strings"
	"sync"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"
)

// WorkloadIdentity returns a federated client credential whose token is in a file, as
// Kubernetes mounts and replaces it. An empty path is the path in AZURE_FEDERATED_TOKEN_FILE.
// The file is read for every token call.
func WorkloadIdentity(tokenFile string) ClientCredential {
	return fromAssertion(func(context.Context) (string, error) {
		raw, err := os.ReadFile(cmp.Or(tokenFile, os.Getenv("AZURE_FEDERATED_TOKEN_FILE"))) //nolint:gosec // the platform's own
		if err != nil {
			return "", err
		}
		token := strings.TrimSpace(string(raw))
		if token == "" {
			return "", errors.New("the token file is empty")
		}
		return token, nil
	})
}

// ManagedIdentity returns the managed identity of the Azure resource that the app runs on as a
// client credential. It must be registered as a federated credential of the app. An empty
// client ID is the resource's system-assigned identity, an empty cloud the public one.
func ManagedIdentity(clientID string, cloud Cloud) ClientCredential {
	identity := sync.OnceValues(func() (managedidentity.Client, error) {
		if clientID == "" {
			return managedidentity.New(managedidentity.SystemAssigned())
		}
		return managedidentity.New(managedidentity.UserAssignedClientID(clientID))
	})
	return fromAssertion(func(ctx context.Context) (string, error) {
		client, err := identity()
		if err != nil {
			return "", err
		}
		result, err := client.AcquireToken(ctx, cloud.tokenExchangeAudience())
		return result.AccessToken, err
	})
}

// fromAssertion returns a client credential that is computed when MSAL needs it.
func fromAssertion(assertion func(context.Context) (string, error)) ClientCredential {
	credential := confidential.NewCredFromAssertionCallback(
		func(ctx context.Context, _ confidential.AssertionRequestOptions) (string, error) {
			return assertion(ctx)
		})
	return ClientCredentialFunc(func(context.Context) (confidential.Credential, error) { return credential, nil })
}
