package main

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/entratest"
)

// startEmulator puts an emulated Entra ID with Graph on loopback and makes it the
// app's tenant. Its ids are fixed, so that a session in Redis outlives a restart;
// the tokens in it do not, for the next emulator never issued them.
func (s *settings) startEmulator() (*entratest.Server, error) {
	idp := entratest.New(
		entratest.WithRedirectURI(s.redirectURI()),
		entratest.WithLogoutURI(s.home(), cmp.Or(s.auth.PostLogoutURL, s.home())),
		entratest.WithFrontChannelLogout(strings.TrimSuffix(s.redirectURI(), "authorized")+"frontchannel-logout"),
		// As the README says for a real registration.
		entratest.WithOptionalClaims("acrs", "auth_time", "login_hint", "sid"))
	err := idp.Listen(entratest.ListenConfig{HTTP: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.emulatorPort))})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", varEmulatorPort, err)
	}
	s.auth.ClientID, s.auth.ClientSecret = idp.ClientID, idp.ClientSecret
	s.auth.Authority, s.auth.GraphURL = idp.Authority, idp.GraphURL
	s.auth.HTTPClient = idp.HTTPClient
	return idp, nil
}
