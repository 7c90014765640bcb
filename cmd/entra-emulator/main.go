// Entra-emulator runs package entratest as a program: Microsoft sign-in and Graph on loopback, for clients
// in any language and for people with a browser. It needs no clone of the repository:
//
//	go run github.com/fibermsal/fibermsal/cmd/entra-emulator@latest \
//	    -redirect-uri http://localhost:3000/user/authorized -state-dir ~/.entra-emulator
//
// When it is ready, it prints the configuration for clients as one line of JSON or, with -env, as shell
// export commands. Programs use TLS for authority and graph_url, with HTTP/2 or HTTP/1.1, and must
// trust ca_file. Browsers are redirected to plain http, so that they show no certificate warning,
// unless -https-pages is set. With -state-dir, a restarted emulator has the same certificate authority
// and client secret, so that apps need not be configured again. It runs until SIGINT or SIGTERM. The
// exit status for invalid flags is 2.
//
// docs/emulator.md in the repository lists what is served and what is not, and shows how to configure
// clients in other languages.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/fibermsal/fibermsal/entratest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return
	}
	fmt.Fprintln(os.Stderr, "entra-emulator:", err)
	if errors.As(err, new(usageError)) {
		os.Exit(2)
	}
	os.Exit(1)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	f, err := parse(args, stderr)
	if err != nil {
		return err
	}
	kept := state{dir: f.stateDir}
	if f.secret, err = kept.secret(f.secret); err != nil {
		return err
	}
	opts, err := f.options()
	if err != nil {
		return err
	}
	s, err := newServer(opts)
	if err != nil {
		return err
	}
	err = s.Listen(entratest.ListenConfig{HTTP: f.http, HTTPS: f.https, HTTPSPages: f.httpsPages, CADir: f.stateDir})
	switch {
	case errors.Is(err, entratest.ErrNotLoopback):
		return usageError{err}
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w: choose other addresses with -http and -https", err)
	case err != nil:
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	caFile, temporary, err := kept.writeCA(f.caOut, s.CAPEM())
	if err != nil {
		return err
	}
	if temporary {
		defer func() { err = errors.Join(err, os.Remove(caFile)) }()
	}
	if err := newReady(s, caFile).print(stdout, f); err != nil {
		return fmt.Errorf("printing that the emulator is ready: %w", err)
	}
	<-ctx.Done()
	return nil
}

// newServer returns the server, or an error if flags contradict each other.
func newServer(opts []entratest.Option) (s *entratest.Server, err error) {
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case string: // from New, about contradictory options
			err = usageError{errors.New(strings.TrimPrefix(reason, "entratest: "))}
		default:
			panic(reason)
		}
	}()
	return entratest.New(opts...), nil
}
