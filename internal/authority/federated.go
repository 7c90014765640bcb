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

// WorkloadIdentity returns a client credential that uses a federated token from a file, such as the one
// that Kubernetes mounts and replaces. An empty path stands for the path in AZURE_FEDERATED_TOKEN_FILE.
// The file is read before every call of the token endpoint.
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

// ManagedIdentity returns a client credential that uses the managed identity of the Azure resource that
// the app runs on. The identity must be registered as a federated credential of the app. An empty
// client ID selects the system-assigned identity of the resource; an empty cloud selects the public
// cloud.
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
