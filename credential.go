package fibermsal

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/managedidentity"
)

// Credential is what the app proves its own identity with at Entra, instead of a client
// secret. It is called for every token call, must be fast, and safe for concurrent
// use. Any of MSAL's credentials will do; [CertificateFile], [WorkloadIdentity] and
// [ManagedIdentity] make the common ones.
type Credential func(context.Context) (confidential.Credential, error)

// appCredentials are the app's, of which one is known to be accepted.
type appCredentials struct {
	all      []Credential
	accepted atomic.Int32
}

func (cfg Config) credentials() []Credential {
	if cfg.Credential != nil {
		return []Credential{cfg.Credential}
	}
	var all []Credential
	for _, secret := range append([]string{cfg.ClientSecret}, cfg.PreviousSecrets...) {
		all = append(all, func(context.Context) (confidential.Credential, error) {
			return confidential.NewCredFromSecret(secret)
		})
	}
	return all
}

// asApp makes an MSAL call with the first of the app's credentials that Entra accepts,
// beginning with the one it accepted last. What it refuses it has not looked at: a code
// is still good.
func (a *Auth) asApp(ctx context.Context, tokens tokenCache, call func(confidential.Client, *exchange) error) (*exchange, error) {
	count := len(a.credentials.all)
	accepted := int(a.credentials.accepted.Load())
	for try := 0; ; try++ {
		i := (accepted + try) % count
		credential, err := a.credentials.all[i](ctx)
		if err != nil {
			return nil, entraUnavailable("credential_failed", err) // the fault is not the user's
		}
		client, x, err := a.msalClient(credential, tokens)
		if err != nil {
			return nil, err
		}
		err = call(client, x)
		if err == nil || !x.refusesClient() {
			a.credentials.accepted.Store(int32(i)) //nolint:gosec // a few
			return x, err
		}
		if try == count-1 {
			return x, err
		}
	}
}

// CertificateFile is a certificate with its unencrypted private key in a PEM file. The
// file is read again when it changes, so a certificate is replaced without a restart:
// register the new one, then move the file into place. While a changed file cannot be
// read, the certificate before counts.
func CertificateFile(path string) Credential {
	f := &certificateFile{path: path}
	return f.credential
}

type certificateFile struct {
	path string

	mu      sync.Mutex
	read    time.Time // when the file had changed
	size    int64
	current confidential.Credential
	span    certificateSpan
	good    bool
}

func (f *certificateFile) credential(ctx context.Context) (confidential.Credential, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if wanted, ok := ctx.Value(certificateSpanKey{}).(*certificateSpan); ok {
		defer func() { *wanted = f.span }()
	}
	info, err := os.Stat(f.path)
	if err == nil && f.good && info.ModTime().Equal(f.read) && info.Size() == f.size {
		return f.current, nil
	}
	if err == nil {
		err = f.load(info)
	}
	if err != nil && !f.good {
		return confidential.Credential{}, err
	}
	return f.current, nil
}

func (f *certificateFile) load(info os.FileInfo) error {
	pem, err := os.ReadFile(f.path)
	if err != nil {
		return err
	}
	certificates, key, err := confidential.CertFromPEM(pem, "")
	if err != nil {
		return errors.New("the file has no PEM certificate with an unencrypted private key")
	}
	credential, err := confidential.NewCredFromCert(certificates, key)
	if err != nil {
		return errors.New("the private key does not fit the certificate")
	}
	f.current, f.good, f.read, f.size = credential, true, info.ModTime(), info.Size()
	f.span = spanOf(certificates, key)
	return nil
}

// WorkloadIdentity is a federated credential whose token is in a file, as Kubernetes
// mounts and replaces it; an empty path is that in AZURE_FEDERATED_TOKEN_FILE. The file
// is read for every token call.
func WorkloadIdentity(tokenFile string) Credential {
	return fromAssertion(func(context.Context) (string, error) {
		raw, err := os.ReadFile(orDefault(tokenFile, os.Getenv("AZURE_FEDERATED_TOKEN_FILE"))) //nolint:gosec // the platform's own
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

// tokenExchange is the audience that Entra wants of federated credentials.
var tokenExchange = map[Cloud]string{
	"":                "api://AzureADTokenExchange",
	PublicCloud:       "api://AzureADTokenExchange",
	USGovernmentCloud: "api://AzureADTokenExchangeUSGov",
	USDoDCloud:        "api://AzureADTokenExchangeUSGov",
	ChinaCloud:        "api://AzureADTokenExchangeChina",
}

// ManagedIdentity is the managed identity of the Azure resource that the app runs on,
// registered as a federated credential: the one with this client id, or the resource's
// own if it is empty. The cloud is the public one unless it is said.
func ManagedIdentity(clientID string, cloud ...Cloud) Credential {
	audience := tokenExchange[PublicCloud]
	if len(cloud) > 0 {
		audience = tokenExchange[cloud[0]]
	}
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
		result, err := client.AcquireToken(ctx, audience)
		return result.AccessToken, err
	})
}

// fromAssertion is a credential that is asked for when MSAL needs it.
func fromAssertion(assertion func(context.Context) (string, error)) Credential {
	credential := confidential.NewCredFromAssertionCallback(
		func(ctx context.Context, _ confidential.AssertionRequestOptions) (string, error) {
			return assertion(ctx)
		})
	return func(context.Context) (confidential.Credential, error) { return credential, nil }
}
