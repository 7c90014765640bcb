package authority

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/discovery"
)

const configuration = `{"issuer":"https://login.entra.test/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0",
	"authorization_endpoint":"https://login.entra.test/a","token_endpoint":"https://login.entra.test/t","jwks_uri":"https://login.entra.test/k"}`

type configured struct{}

func (configured) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(configuration)), Request: r}, nil
}

// An MSAL client contains the endpoints, which may change, and a client credential, which may be
// replaced.
func TestRedeemer_IsKeptOnlyWhileNothingChanges(t *testing.T) {
	t.Parallel()
	replaced := ClientCredentialFunc(func(context.Context) (confidential.Credential, error) {
		return confidential.NewCredFromSecret("secret")
	})
	c := New(Options{
		Authority: "https://login.entra.test/aaaabbbb-0000-cccc-1111-dddd2222eeee", ClientID: "client",
		Credentials: []ClientCredential{Secret("secret"), replaced}, Transport: configured{},
	})
	redeemer := func(i int) *redeemer {
		r, err := c.redeemer(t.Context(), i)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := redeemer(0)
	if first.metadata == nil {
		t.Fatal("a client with a secret is not kept")
	}
	first.metadata = &discovery.Metadata{TokenEndpoint: "https://login.entra.test/before"}
	c.redeemers[0].Put(first)
	if redeemer(0) == first {
		t.Error("a client of an earlier configuration is used")
	}
	if redeemer(1).metadata != nil {
		t.Error("a client is kept although its credential may be replaced")
	}
}
