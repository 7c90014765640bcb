// Fiber-app demonstrates fibermsal: users sign in with Microsoft and see their data in Microsoft Graph.
//
//	go run ./examples/fiber-app
//
// runs it with an emulated Entra ID and Graph in the same process, so it needs no tenant, no network
// and no configuration. Set the variables in environment.go to use a real tenant, Redis, or both.
//
// It exits with status 2 if the environment is invalid, after printing every invalid variable, and with
// 0 when SIGINT or SIGTERM ends it.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

// drainTimeout is how long requests in flight may take when the app is stopped.
const drainTimeout = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal, a second one ends the process immediately.
	context.AfterFunc(ctx, stop)
	err := run(ctx, os.Stdout)
	switch {
	case err == nil:
	case errors.As(err, new(*environmentError)):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	default:
		fmt.Fprintln(os.Stderr, "fiber-app:", err)
		os.Exit(1)
	}
}

// run serves the app until ctx ends.
func run(ctx context.Context, stdout io.Writer) (err error) {
	s, err := settingsFromEnv() //nolint:contextcheck // opens and calls nothing
	if err != nil {
		return err
	}
	if s.auth.Storage != nil {
		defer func() { err = errors.Join(err, s.auth.Storage.Close()) }()
	}
	listener, err := s.listen()
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // the server has closed it, unless the server did not start
	s.completePublicURL(listener.Addr())

	var people []entratest.User
	if s.emulated {
		idp, err := s.startEmulator()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, idp.Close()) }()
		people = idp.Users()
	}
	s.accessLog = os.Stderr
	app, err := newApp(s) //nolint:contextcheck // opens and calls nothing
	if err != nil {
		return err
	}
	if err := announce(stdout, s, listener.Addr(), people); err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- app.Listener(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	if err := app.ShutdownWithTimeout(drainTimeout); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopping: %w", err)
	}
	_ = listener.Close() // in case the signal came before the server had started
	<-served             // the error about the closed listener is expected
	return nil
}

// listen opens the app's port. With the emulator it listens on loopback only, because anyone can sign
// in as any user.
func (s *settings) listen() (net.Listener, error) {
	host := ""
	if s.emulated {
		host = "127.0.0.1"
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(s.port)))
	if err != nil {
		return nil, fmt.Errorf("PORT: %w", err)
	}
	if s.tls != nil {
		l = tls.NewListener(l, s.tls)
	}
	return l, nil
}

// announce prints the app's URL and what to do next.
func announce(w io.Writer, s *settings, address net.Addr, people []entratest.User) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "\n  Open\t%s\n", s.auth.PublicURL+s.base())
	fmt.Fprintf(t, "  Redirect URI (type Web)\t%s\n", s.redirectURI())
	fmt.Fprintf(t, "  Listening on\t%s\n", address)
	fmt.Fprintf(t, "  Sessions in\t%s\n", s.storageKind())
	if s.emulated {
		fmt.Fprint(t, "\n  No FIBERMSAL_CLIENT_ID is set, so the app uses an emulated Microsoft Entra ID and Graph.\n"+
			"  Sign in as any of these users, without a password:\n\n")
		for _, p := range people {
			fmt.Fprintf(t, "    %s\t%s\n", p.DisplayName, mailOrLogin(p))
		}
		if s.auth.Storage != nil {
			fmt.Fprint(t, "\n  Sessions survive a restart; the emulator's tokens do not, so pages that\n"+
				"  call Graph will ask to sign in again.\n")
		}
		fmt.Fprintf(t, "\n  For a real tenant, register an app with the redirect URI above and set\n"+
			"  FIBERMSAL_CLIENT_ID, FIBERMSAL_CLIENT_SECRET, FIBERMSAL_TENANT_ID and\n"+
			"  FIBERMSAL_PUBLIC_URL=%s\n", s.auth.PublicURL)
	}
	fmt.Fprintln(t)
	return t.Flush()
}

func mailOrLogin(u entratest.User) string {
	if u.Mail != "" {
		return u.Mail
	}
	return u.UPN
}
