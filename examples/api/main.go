// Api shows how an API uses fibermsal. A single-page app calls the API on behalf of its users, with
// access tokens from MSAL Browser, and a daemon calls it without a user.
//
//	go run ./examples/api            # serves the page and the API
//	go run ./examples/api -daemon    # serves the API, calls it as a daemon, and ends
//
// Both run with an emulated Entra ID and Graph in the same process, so they need no tenant and no
// configuration. The first run needs npm to install @azure/msal-browser for the page. README.md
// describes how to use a real tenant.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// drainTimeout is how long requests in flight may take when the example is stopped.
const drainTimeout = 10 * time.Second

func main() {
	asDaemon := flag.Bool("daemon", false, "call the API as a daemon, and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process immediately
	if err := run(ctx, os.Stdout, *asDaemon); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

// run serves the API, and the page or the daemon.
func run(ctx context.Context, stdout io.Writer, asDaemon bool) (err error) {
	s, err := newSettings(asDaemon)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	api, err := newAPI(s.auth, s.page.origin) //nolint:contextcheck // opens and calls nothing
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- api.Listener(s.api) }()
	if asDaemon {
		err = s.callAsDaemon(ctx, stdout)
	} else {
		err = s.servePage(ctx, stdout)
	}
	err = errors.Join(err, api.ShutdownWithTimeout(drainTimeout))
	_ = s.api.Close() // in case the signal came before the server had started
	<-served
	return err
}
