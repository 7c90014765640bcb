package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/fibermsal/fibermsal/examples/api/page"
)

// servePage serves the page until ctx ends.
func (s *settings) servePage(ctx context.Context, stdout io.Writer) error {
	msal, err := page.MSAL(ctx, stdout)
	if err != nil {
		return err
	}
	config := page.Config{
		ClientID: cmp.Or(os.Getenv("FIBERMSAL_PAGE_CLIENT_ID"), s.auth.ClientID), Authority: s.authority(),
		API: s.api.origin, Scope: s.apiURI() + "/access_as_user",
	}
	if s.idp != nil {
		config.Metadata = s.idp.BrowserURL + "/" + s.idp.TenantID + "/v2.0/.well-known/openid-configuration"
	}
	web := &http.Server{Handler: page.Handler(config, msal), ReadHeaderTimeout: 5 * time.Second}
	served := make(chan error, 1)
	go func() { served <- web.Serve(s.page) }()
	fmt.Fprintf(stdout, "\n  Open                                 %s\n  The API                              %s\n"+
		"  Redirect URI (Single-page app)       %s/\n\n", s.page.origin, s.api.origin, s.page.origin)
	if s.idp != nil {
		fmt.Fprint(stdout, "  No FIBERMSAL_CLIENT_ID is set, so the API uses an emulated tenant. Sign in as anyone, without a password.\n\n")
	}
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := web.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopping: %w", err)
	}
	return nil
}
