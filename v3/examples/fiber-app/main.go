// Fiber-app shows fibermsal on Fiber v3: users sign in with Microsoft and see their profile.
//
//	cd v3 && go run ./examples/fiber-app
//
// runs it with an emulated Entra ID and Graph in the same process, so it needs no tenant and no
// configuration. Set the variables of [fibermsal.ConfigFromEnv] to use a real tenant, and to keep
// sessions in Redis or a file. PORT is its port. With FIBERMSAL_TLS_CERT_FILE and
// FIBERMSAL_TLS_KEY_FILE it serves https.
package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gofiber/fiber/v3"

	_ "github.com/fibermsal/fibermsal/embedded" // FIBERMSAL_STORAGE_FILE
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
	"github.com/fibermsal/fibermsal/v3"
)

// drainTimeout is how long requests in flight may take when the app is stopped.
const drainTimeout = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process immediately
	if err := run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "fiber-app:", err)
		os.Exit(1)
	}
}

// run serves the app until ctx ends.
func run(ctx context.Context, stdout io.Writer) (err error) {
	cfg, err := fibermsal.ConfigFromEnv("FIBERMSAL", "TLS_CERT_FILE", "TLS_KEY_FILE")
	if err != nil {
		return err
	}
	if cfg.Storage != nil {
		defer func() { err = errors.Join(err, cfg.Storage.Close()) }()
	}
	cfg.OnSignIn = graph.Profile
	emulated := needsEmulator(&cfg)
	listener, err := listen(&cfg, emulated)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // the server has closed it, unless the server did not start
	if emulated {
		idp, err := startEmulator(&cfg)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, idp.Close()) }()
	}
	app, err := newApp(cfg) //nolint:contextcheck // opens and calls nothing
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "\n  Open                     %s\n  Redirect URI (type Web)  %s\n  Listening on             %s\n\n",
		cfg.PublicURL, redirectURI(&cfg), listener.Addr())
	if emulated {
		fmt.Fprint(stdout, "  No FIBERMSAL_CLIENT_ID is set, so the app uses an emulated tenant. Sign in as anyone, without a password.\n\n")
	}
	return serve(ctx, app, listener)
}

// needsEmulator reports whether the environment contains no part of a real registration. If it contains
// a part, such as a public URL outside this machine, Open reports what is missing.
func needsEmulator(cfg *fibermsal.Config) bool {
	u, err := url.Parse(cfg.PublicURL)
	isLocal := err == nil && (u.Host == "" || strings.HasSuffix("."+u.Hostname(), ".localhost") || u.Hostname() == "127.0.0.1")
	return isLocal && cfg.Credential == nil && cfg.ClientID+cfg.ClientSecret+cfg.TenantID+cfg.Authority+cfg.GraphURL == ""
}

// listen opens the app's port. With the emulator it listens on loopback only, because anyone can sign
// in as any user. The port becomes part of the default public URL.
func listen(cfg *fibermsal.Config, emulated bool) (net.Listener, error) {
	host, scheme := "", "http"
	if emulated {
		host = "127.0.0.1"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, cmp.Or(os.Getenv("PORT"), "3000")))
	if err != nil {
		return nil, fmt.Errorf("PORT: %w", err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String()) // the address of a listener has a port
	if cert, key := os.Getenv("FIBERMSAL_TLS_CERT_FILE"), os.Getenv("FIBERMSAL_TLS_KEY_FILE"); cert+key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("FIBERMSAL_TLS_CERT_FILE, FIBERMSAL_TLS_KEY_FILE: %w", err), l.Close())
		}
		scheme, l = "https", tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	}
	cfg.PublicURL = cmp.Or(cfg.PublicURL, scheme+"://localhost:"+port)
	return l, nil
}

func redirectURI(cfg *fibermsal.Config) string {
	return strings.TrimSuffix(cfg.PublicURL, "/") + "/user/authorized"
}

// startEmulator starts an emulated Entra ID with Graph on loopback and uses it as the app's tenant.
func startEmulator(cfg *fibermsal.Config) (*entratest.Server, error) {
	idp := entratest.New(
		entratest.WithRedirectURI(redirectURI(cfg)),
		entratest.WithLogoutURI(strings.TrimSuffix(cfg.PublicURL, "/")+"/"))
	if err := idp.Listen(entratest.ListenConfig{}); err != nil {
		return nil, err
	}
	cfg.ClientID, cfg.ClientSecret = idp.ClientID, idp.ClientSecret
	cfg.Authority, cfg.GraphURL, cfg.HTTPClient = idp.Authority, idp.GraphURL, idp.HTTPClient
	return idp, nil
}

// serve returns when the requests in flight have been answered.
func serve(ctx context.Context, app *fiber.App, listener net.Listener) error {
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	if err := app.ShutdownWithTimeout(drainTimeout); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopping: %w", err)
	}
	_ = listener.Close() // in case the signal came before the server had started
	<-served
	return nil
}
