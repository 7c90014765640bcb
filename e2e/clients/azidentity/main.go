// Azidentity gets tokens with Azure Identity for Go.
package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/fibermsal/fibermsal/e2e/clients/internal/emulated"
)

func main() { emulated.Run("github.com/Azure/azure-sdk-for-go/sdk/azidentity", run) }

const graph = "https://graph.microsoft.com/.default"

func run(e *emulated.Emulator) error {
	options := azcore.ClientOptions{Cloud: cloud.Configuration{
		ActiveDirectoryAuthorityHost: strings.TrimSuffix(e.Authority, e.TenantID),
	}}
	bySecret, err := azidentity.NewClientSecretCredential(e.TenantID, e.ClientID, e.ClientSecret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
	if err == nil {
		err = users(e, bySecret)
	}
	if err != nil {
		return fmt.Errorf("client credentials: %w", err)
	}
	emulated.OK("client credentials")
	byCertificate, err := withCertificate(e, options)
	if err == nil {
		err = users(e, byCertificate)
	}
	if err != nil {
		return fmt.Errorf("client certificate: %w", err)
	}
	emulated.OK("client certificate")
	if err := onBehalfOf(e, options); err != nil {
		return fmt.Errorf("on-behalf-of: %w", err)
	}
	emulated.OK("on-behalf-of")
	return nil
}

// users reads a user as the application itself.
func users(e *emulated.Emulator, credential azcore.TokenCredential) error {
	token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{graph}})
	if err != nil {
		return err
	}
	var user struct{ ID string }
	return e.Get("/users/"+e.Adele().ID, token.Token, &user)
}

func withCertificate(e *emulated.Emulator, options azcore.ClientOptions) (azcore.TokenCredential, error) {
	text, err := os.ReadFile(os.Getenv("CERTIFICATE"))
	if err != nil {
		return nil, err
	}
	certificates, key, err := azidentity.ParseCertificates(text, nil)
	if err != nil {
		return nil, err
	}
	return azidentity.NewClientCertificateCredential(e.TenantID, e.ClientID, certificates, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
}

// onBehalfOf exchanges a token that a user got for this application's API.
func onBehalfOf(e *emulated.Emulator, options azcore.ClientOptions) error {
	query := url.Values{
		"client_id": {e.ClientID}, "response_type": {"code"}, "redirect_uri": {e.RedirectURI},
		"scope": {e.APIScope()}, "login_hint": {e.Adele().UPN},
	}
	code, err := e.Visit(e.BrowserURL + "/" + e.TenantID + "/oauth2/v2.0/authorize?" + query.Encode())
	if err != nil {
		return err
	}
	assertion, err := e.Redeem(code)
	if err != nil {
		return err
	}
	credential, err := azidentity.NewOnBehalfOfCredentialWithSecret(e.TenantID, e.ClientID, assertion, e.ClientSecret,
		&azidentity.OnBehalfOfCredentialOptions{ClientOptions: options, DisableInstanceDiscovery: true})
	if err != nil {
		return err
	}
	token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/User.Read"}})
	if err != nil {
		return err
	}
	var me struct{ ID string }
	if err := e.Get("/me", token.Token, &me); err != nil {
		return err
	}
	if me.ID != e.Adele().ID {
		return fmt.Errorf("/me is %s", me.ID)
	}
	return nil
}
