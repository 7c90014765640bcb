package main

import (
	"cmp"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/embedded" // also for FIBERMSAL_STORAGE_FILE
	"github.com/fibermsal/fibermsal/graph"
)

const defaultPort = 3000

// settings are the settings from the environment.
type settings struct {
	auth         fibermsal.Config
	emulated     bool
	port         int
	emulatorPort int
	tls          *tls.Config // nil for plain http
	accessLog    io.Writer
}

// settingsFromEnv reads the environment. The error is an [*environmentError].
func settingsFromEnv() (*settings, error) {
	r := &reader{wrong: map[string]bool{}}
	s := &settings{port: r.port(varPort, defaultPort), emulatorPort: r.port(varEmulatorPort, 0), tls: r.certificate()}
	s.auth = forThisApp(r.config())
	s.emulated = !isSet(varClientID) && len(reasons(s.auth.PublicURL)) == 0
	r.askLibrary(*s)
	if len(r.mistakes) == 0 {
		return s, nil
	}
	err := error(&environmentError{r.mistakes})
	if s.auth.Storage != nil {
		err = errors.Join(err, s.auth.Storage.Close())
	}
	return nil, err
}

// forThisApp completes a Config. It sets the timeouts to fibermsal's defaults explicitly, so that the
// session page can show them.
func forThisApp(cfg fibermsal.Config) fibermsal.Config {
	cfg.IdleTimeout = cmp.Or(cfg.IdleTimeout, 8*time.Hour)
	cfg.AbsoluteTimeout = cmp.Or(cfg.AbsoluteTimeout, max(24*time.Hour, cfg.IdleTimeout))
	cfg.OnSignIn = graph.Profile
	return cfg
}

// completePublicURL sets the default public URL, which depends on the port of the listener.
func (s *settings) completePublicURL(address net.Addr) {
	if s.auth.PublicURL != "" {
		return
	}
	_, port, _ := net.SplitHostPort(address.String()) // the address of a listener has a port
	scheme := "http"
	if s.tls != nil {
		scheme = "https"
	}
	s.auth.PublicURL = scheme + "://localhost:" + port
}

func (s *settings) redirectURI() string {
	return s.home() + strings.TrimPrefix(routesPath, "/") + "/authorized"
}

func (s *settings) storageKind() string {
	switch s.auth.Storage.(type) {
	case nil:
		return "the memory of this process"
	case *embedded.Storage:
		return "a file"
	}
	return "Redis"
}

// info adds the kind of storage to GET /user/info.
func (s *settings) info(*fiber.Ctx, *fibermsal.User) (any, error) { return s.storageKind(), nil }
