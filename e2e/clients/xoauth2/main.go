// Xoauth2 signs in with golang.org/x/oauth2 and go-oidc.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/fibermsal/fibermsal/e2e/clients/internal/emulated"
)

func main() { emulated.Run("golang.org/x/oauth2", run) }

func run(e *emulated.Emulator) error {
	ctx := context.Background()
	provider, err := oidc.NewProvider(ctx, e.Authority+"/v2.0")
	if err != nil {
		return err
	}
	var token *oauth2.Token
	for _, row := range []struct {
		name  string
		style oauth2.AuthStyle
	}{{"Basic", oauth2.AuthStyleInHeader}, {"post", oauth2.AuthStyleInParams}} {
		endpoint := provider.Endpoint()
		endpoint.AuthStyle = row.style
		if token, err = signIn(ctx, e, provider, endpoint); err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
		emulated.OK("sign-in with PKCE, " + row.name)
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Email != e.Adele().Mail {
		return fmt.Errorf("userinfo: %+v, %w", info, err)
	}
	emulated.OK("userinfo")
	return others(ctx, e, provider, token)
}

// signIn redeems a code and verifies the ID token.
func signIn(ctx context.Context, e *emulated.Emulator, provider *oidc.Provider, endpoint oauth2.Endpoint) (*oauth2.Token, error) {
	app := config(e, endpoint)
	verifier := oauth2.GenerateVerifier()
	hint := oauth2.SetAuthURLParam("login_hint", e.Adele().UPN)
	code, err := e.Visit(app.AuthCodeURL("s1", oauth2.S256ChallengeOption(verifier), oidc.Nonce("n1"), hint))
	if err != nil {
		return nil, err
	}
	token, err := app.Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, err
	}
	raw, _ := token.Extra("id_token").(string)
	verified, err := provider.Verifier(&oidc.Config{ClientID: e.ClientID}).Verify(ctx, raw)
	if err == nil && verified.Nonce != "n1" {
		err = errors.New("the nonce is another")
	}
	return token, err
}

func config(e *emulated.Emulator, endpoint oauth2.Endpoint) *oauth2.Config {
	return &oauth2.Config{
		ClientID: e.ClientID, ClientSecret: e.ClientSecret, Endpoint: endpoint, RedirectURL: e.RedirectURI,
		Scopes: []string{"openid", "profile", "email", "offline_access", "User.Read"},
	}
}

// others renews the token and gets one of the application itself.
func others(ctx context.Context, e *emulated.Emulator, provider *oidc.Provider, token *oauth2.Token) error {
	renewed, err := config(e, provider.Endpoint()).TokenSource(ctx, &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	if err != nil {
		return fmt.Errorf("renewal: %w", err)
	}
	var me struct{ ID string }
	if err := e.Get("/me", renewed.AccessToken, &me); err != nil || me.ID != e.Adele().ID {
		return fmt.Errorf("/me: %+v, %w", me, err)
	}
	emulated.OK("renewal")
	app := clientcredentials.Config{
		ClientID: e.ClientID, ClientSecret: e.ClientSecret, TokenURL: provider.Endpoint().TokenURL,
		Scopes: []string{"https://graph.microsoft.com/.default"}, EndpointParams: url.Values{},
	}
	if _, err := app.Token(ctx); err != nil {
		return fmt.Errorf("client credentials: %w", err)
	}
	emulated.OK("client credentials")
	return nil
}
