package authority

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/msalcache"
)

// ClientCredential proves the app's own identity to Entra, instead of a client secret.
// [CertificateFile], [WorkloadIdentity] and [ManagedIdentity] return the common ones;
// [ClientCredentialFunc] adapts any other MSAL credential.
//
// Credential is called before every call of the token endpoint, concurrently for different users, and
// must not return an expired credential. It must be fast, because sign-ins and renewals wait for it,
// and its context may have no deadline. If it returns an error, Entra is not called, and the sign-in or
// renewal fails with 503, because the user is not at fault. The error is logged without credentials.
//
// A ClientCredential may also have a method Validity() (from, until time.Time), which Doctor
// reports.
type ClientCredential interface {
	Credential(context.Context) (confidential.Credential, error)
}

// ClientCredentialFunc is a function that implements [ClientCredential].
type ClientCredentialFunc func(context.Context) (confidential.Credential, error)

// Credential calls f.
func (f ClientCredentialFunc) Credential(ctx context.Context) (confidential.Credential, error) {
	return f(ctx)
}

// Validity returns the validity period of a client credential, if the credential can report it.
func Validity(c ClientCredential) (from, until time.Time, ok bool) {
	limited, ok := c.(interface {
		Validity() (from, until time.Time)
	})
	if !ok {
		return time.Time{}, time.Time{}, false
	}
	from, until = limited.Validity()
	return from, until, !until.IsZero()
}

// Secret returns a client secret as a ClientCredential.
func Secret(secret string) ClientCredential {
	return fixed{func(context.Context) (confidential.Credential, error) {
		return confidential.NewCredFromSecret(secret)
	}}
}

// fixed is a client credential that never changes. MSAL clients with such a credential can be reused.
type fixed struct{ ClientCredentialFunc }

// clientCredentials contains the client credentials of the app and the index of the one that Entra
// accepted last.
type clientCredentials struct {
	all      []ClientCredential
	accepted atomic.Int32
}

// credential returns a client credential.
func (c *clientCredentials) credential(ctx context.Context, i int) (confidential.Credential, error) {
	credential, err := c.all[i].Credential(ctx)
	if err != nil {
		return credential, autherr.TryLater("credential_failed", err) // the user is not at fault
	}
	return credential, nil
}

// try makes a call with the app's client credentials, given by index, until Entra accepts one. It
// starts with the credential that Entra accepted last. A call that Entra rejects because of the
// credential does not use up a code. The returned exchange is nil if no call could be made.
func (c *clientCredentials) try(call func(i int) (*exchange, error)) (*exchange, error) {
	count, accepted := len(c.all), int(c.accepted.Load())
	for try := 0; ; try++ {
		i := (accepted + try) % count
		x, err := call(i)
		if x == nil {
			return nil, err
		}
		if err == nil || !x.rejectsClient() {
			c.accepted.Store(int32(i)) //nolint:gosec // a few
			return x, err
		}
		if try == count-1 {
			return x, err
		}
	}
}

// callMSAL makes a call with a new MSAL client.
func (c *Client) callMSAL(ctx context.Context, tokens *msalcache.Memory, call func(confidential.Client, *exchange) error) (*exchange, error) {
	return c.credentials.try(func(i int) (*exchange, error) {
		credential, err := c.credentials.credential(ctx, i)
		if err != nil {
			return nil, err
		}
		x := c.newExchange()
		client, err := c.newMSALClient(credential, x, tokens)
		if err != nil {
			return nil, err
		}
		return x, call(client, x)
	})
}
