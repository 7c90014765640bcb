package authority

import (
	"context"
	"net/http"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// Trial is what became of an attempt to get a token of the app, for diagnosis.
type Trial struct {
	Accepted bool
	// Responded reports whether the token endpoint did, with Status and Entra's Numbers.
	// RejectsClient is a response about the client credential.
	Responded     bool
	Status        int
	Numbers       []int
	RejectsClient bool
	// Failed is the error of the transport. If it is nil and there was no response, MSAL
	// failed before it called, because the credential has no assertion.
	Failed error
}

// TryCredential requests a token of the app with a client credential, in another tenant than
// the authority's if one is named. It neither reads nor changes what the Client remembers.
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
