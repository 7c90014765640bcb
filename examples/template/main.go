// Template is an app to copy and turn into your own, as README.md describes.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/fibermsal/fibermsal"
)

// drainTimeout is how long requests in flight may take when the app is stopped.
const drainTimeout = 10 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// run serves the app until ctx ends.
func run(ctx context.Context) (err error) {
	port := cmp.Or(os.Getenv("PORT"), "3000")
	cfg, closeTenant, err := configure(port)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeTenant()) }()
	cfg.Pages = drawPage
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, auth.Close()) }()

	app := newApp(auth)
	stopped := make(chan error, 1)
	context.AfterFunc(ctx, func() { stopped <- app.ShutdownWithTimeout(drainTimeout) })
	fmt.Println("Open " + cfg.PublicURL)
	if err := app.Listen(host + ":" + port); err != nil {
		return err
	}
	return <-stopped
}
