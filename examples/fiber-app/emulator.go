package main

import (
	"cmp"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/entratest"
)

// startEmulator starts an emulated Entra ID with Graph on loopback and uses it as the app's tenant. Its
// IDs are fixed, so that sessions in Redis survive a restart. The tokens in them do not, because the
// next emulator has not issued them.
func (s *settings) startEmulator() (*entratest.Server, error) {
	idp := entratest.New(
		entratest.WithRedirectURI(s.redirectURI()),
		entratest.WithLogoutURI(s.home(), cmp.Or(s.auth.PostLogoutURL, s.home())),
		entratest.WithFrontChannelLogout(strings.TrimSuffix(s.redirectURI(), "authorized")+"frontchannel-logout"),
		// The optional claims that the README recommends for a real registration.
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
