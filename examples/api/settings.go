package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// settings are what the API, its page and the daemon share.
type settings struct {
	auth      fibermsal.Config
	idp       *entratest.Server // nil with a real tenant
	page, api server
}

// server is an open port of this machine.
type server struct {
	net.Listener

	origin string
}

// newSettings reads the environment. It starts the emulator if the environment contains no tenant.
func newSettings(asDaemon bool) (s *settings, err error) {
	s = &settings{}
	if s.auth, err = fibermsal.ConfigFromEnv("FIBERMSAL", "PAGE_CLIENT_ID", "DAEMON_CLIENT_ID", "DAEMON_CLIENT_SECRET"); err != nil {
		return nil, err
	}
	pagePort, apiPort := cmp.Or(os.Getenv("PORT"), "3000"), cmp.Or(os.Getenv("API_PORT"), "3001")
	if asDaemon {
		pagePort, apiPort = "0", "0" // any, because the example may be running already
	}
	if s.page, err = listen(pagePort); err != nil {
		return nil, fmt.Errorf("PORT: %w", err)
	}
	if s.api, err = listen(apiPort); err != nil {
		return nil, errors.Join(fmt.Errorf("API_PORT: %w", err), s.page.Close())
	}
	s.auth.PublicURL = cmp.Or(s.auth.PublicURL, s.api.origin)
	if s.auth.ClientID+s.auth.ClientSecret+s.auth.TenantID+s.auth.Authority == "" && s.auth.Credential == nil {
		return s, s.startEmulator()
	}
	return s, s.auth.ValidateEnv("FIBERMSAL") // names the variables that are missing
}

func listen(port string) (server, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return server{}, err
	}
	_, port, _ = net.SplitHostPort(l.Addr().String()) // the address of a listener has a port
	return server{l, "http://localhost:" + port}, nil
}

// close closes everything except the servers.
func (s *settings) close() error {
	var err error
	if s.auth.Storage != nil {
		err = s.auth.Storage.Close()
	}
	if s.idp != nil {
		err = errors.Join(err, s.idp.Close())
	}
	_ = s.page.Close() // the page's server has closed it, if there was one
	return err
}

// authority returns the authority from which the page and the daemon get tokens.
func (s *settings) authority() string {
	return cmp.Or(s.auth.Authority, "https://login.microsoftonline.com/"+s.auth.TenantID)
}

// apiURI returns the App ID URI of the API, with which the names of its scopes begin.
func (s *settings) apiURI() string {
	if len(s.auth.Audiences) > 0 {
		return strings.TrimSuffix(s.auth.Audiences[0], "/")
	}
	return "api://" + s.auth.ClientID
}
