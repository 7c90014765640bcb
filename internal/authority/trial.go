package authority

import (
	"context"
	"net/http"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// Trial is the result of an attempt to get a token of the app, for diagnosis.
type Trial struct {
	Accepted bool
	// Responded reports whether the token endpoint responded, with Status and the AADSTS Numbers.
	// RejectsClient is set if the response rejects the client credential.
	Responded     bool
	Status        int
	Numbers       []int
	RejectsClient bool
	// Failed is the error of the transport. If it is nil and there was no response, MSAL failed before
	// the call, because the credential has no assertion.
	Failed error
}

// TryCredential requests a token of the app with a client credential, in the given tenant or else in
// that of the authority. It neither uses nor changes the caches of the Client.
func (c *Client) TryCredential(ctx context.Context, client *http.Client, credential confidential.Credential, tenant string) Trial {
	x := &exchange{client: client, gate: newGate(), scopes: c.Scopes}
	app, err := confidential.New(c.Authority, c.ClientID, credential,
		confidential.WithHTTPClient(x), confidential.WithInstanceDiscovery(false))
	if err == nil {
		var options []confidential.AcquireByCredentialOption
		if tenant != "" {
			options = append(options, confidential.WithTenantID(tenant))
		}
		_, err = app.AcquireTokenByCredential(ctx, []string{c.Scopes.GraphDefault()}, options...)
	}
	return Trial{
		Accepted: err == nil, Responded: x.responded, Status: x.status, Numbers: x.response.ErrorCodes,
		RejectsClient: x.rejectsClient(), Failed: x.failed,
	}
}
