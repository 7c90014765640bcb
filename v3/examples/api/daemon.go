package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
)

// callAsDaemon calls the API like a program without a user. In production this is a separate program
// with its own registration.
func (s *settings) callAsDaemon(ctx context.Context, stdout io.Writer) error {
	var options []confidential.Option
	if s.idp != nil {
		options = append(options, confidential.WithHTTPClient(s.idp.HTTPClient), confidential.WithInstanceDiscovery(false))
	}
	credential, err := confidential.NewCredFromSecret(cmp.Or(os.Getenv("FIBERMSAL_DAEMON_CLIENT_SECRET"), s.auth.ClientSecret))
	if err != nil {
		return err
	}
	clientID := cmp.Or(os.Getenv("FIBERMSAL_DAEMON_CLIENT_ID"), s.auth.ClientID)
	client, err := confidential.New(s.authority(), clientID, credential, options...)
	if err != nil {
		return err
	}
	// The scope .default stands for all permissions that an administrator has granted to the daemon.
	// The client caches the token.
	token, err := client.AcquireTokenByCredential(ctx, []string{s.apiURI() + "/.default"})
	if err != nil {
		return err
	}
	answer, err := get(ctx, s.api.origin+"/orders", token.AccessToken)
	if err != nil {
		return err
	}
	fmt.Fprintln(stdout, "GET /orders:", answer)
	return nil
}

// get calls the API.
func get(ctx context.Context, address, token string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := new(http.Client).Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %s", address, response.Status, body)
	}
	return string(body), err
}
