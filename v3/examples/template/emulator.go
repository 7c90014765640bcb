//go:build emulator

package main

import (
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/v3"
)

// host is where the app listens: on this machine only, because the emulator lets anybody sign in as anybody.
const host = "localhost"

// configure starts an emulated Entra ID. No tenant is needed, and nothing of the environment is read.
func configure(port string) (cfg fibermsal.Config, stop func() error, err error) {
	home := "http://localhost:" + port
	idp := entratest.New(entratest.WithRedirectURI(home+"/user/authorized"), entratest.WithLogoutURI(home+"/"))
	return fibermsal.Config{
		ClientID: idp.ClientID, ClientSecret: idp.ClientSecret, Authority: idp.Authority, GraphURL: idp.GraphURL,
		HTTPClient: idp.HTTPClient, PublicURL: home,
	}, idp.Close, idp.Listen(entratest.ListenConfig{})
}
