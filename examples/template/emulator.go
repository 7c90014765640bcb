//go:build emulator

package main

import (
	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// host is where the app listens. It is loopback, because the emulator lets anyone sign in as any user.
const host = "localhost"

// configure starts an emulated Entra ID. It needs no tenant and does not read the environment.
func configure(port string) (cfg fibermsal.Config, stop func() error, err error) {
	home := "http://localhost:" + port
	idp := entratest.New(entratest.WithRedirectURI(home+"/user/authorized"), entratest.WithLogoutURI(home+"/"))
	return fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority, GraphURL: idp.GraphURL,
		HTTPClient: idp.HTTPClient, PublicURL: home,
	}, idp.Close, idp.Listen(entratest.ListenConfig{})
}
