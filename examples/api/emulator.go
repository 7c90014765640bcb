package main

import "github.com/fibermsal/fibermsal/entratest"

// startEmulator starts an emulated Entra ID with Graph on loopback and uses it as the tenant. It has a
// single registration for the API, the page and the daemon.
func (s *settings) startEmulator() error {
	const clientID = "00001111-aaaa-2222-bbbb-3333cccc4444"
	const uri = "api://" + clientID
	s.idp = entratest.New(
		entratest.WithClientID(clientID),
		entratest.WithSPARedirectURI(s.page.origin+"/"),
		entratest.WithAPI(entratest.API{URI: uri, Scopes: []string{"access_as_user"}}),
		entratest.WithScopes(uri+"/Orders.Write"), // not registered in advance, so users are asked for consent when they need it
		entratest.WithAppPermissions(uri+"/Orders.Read.All"),
	)
	if err := s.idp.Listen(entratest.ListenConfig{}); err != nil {
		return err
	}
	s.auth.ClientID, s.auth.ClientSecret = s.idp.ClientID, s.idp.ClientSecret
	s.auth.Authority, s.auth.GraphURL, s.auth.HTTPClient = s.idp.Authority, s.idp.GraphURL, s.idp.HTTPClient
	return nil
}
