package discovery_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fibermsal/fibermsal/internal/discovery"
)

const authority = "https://login.example/" + tenantID

// entra answers requests for the configuration, and counts them.
type entra struct {
	calls atomic.Int32
	panic atomic.Bool
}

func (e *entra) RoundTrip(r *http.Request) (*http.Response, error) {
	e.calls.Add(1)
	if e.panic.Load() {
		panic("a transport of the app's")
	}
	body := fmt.Sprintf(`{"issuer":"%[1]s/v2.0","authorization_endpoint":"%[1]s/a","token_endpoint":"%[1]s/t","jwks_uri":"%[1]s/k"}`, authority)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func TestFetch_CallersWhoComeJustAfterAnAnswerDoNotAskAgain(t *testing.T) {
	t.Parallel()
	for range 200 {
		e := new(entra)
		client := &http.Client{Transport: discovery.NewTransport(e)}
		var wait sync.WaitGroup
		for range 50 {
			wait.Go(func() {
				if _, err := discovery.Fetch(t.Context(), client, authority); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if n := e.calls.Load(); n != 1 {
			t.Fatalf("%d calls for one configuration", n)
		}
	}
}

func TestFetch_APanicInTheTransportIsAFailure(t *testing.T) {
	t.Parallel()
	e := new(entra)
	e.panic.Store(true)
	client := &http.Client{Transport: discovery.NewTransport(e)}
	for range 3 {
		if _, err := discovery.Fetch(t.Context(), client, authority); err == nil {
			t.Error("no error")
		}
	}
	if n := e.calls.Load(); n != 1 {
		t.Errorf("%d calls: a failure is remembered for a moment", n)
	}
}

// An API for several tenants exchanges tokens at each of them. Each configuration is verified before
// MSAL gets it, regardless of their number, because it contains the address to which the client secret
// is sent.
func TestTransport_VerifiesAndKeepsTheConfigurationsOfManyTenants(t *testing.T) {
	t.Parallel()
	e := &tenants{}
	client := &http.Client{Transport: discovery.NewTransport(e)}
	get := func(i int) error {
		resp, err := client.Get(fmt.Sprintf("https://login.example/%d/v2.0/.well-known/openid-configuration", i))
		if err == nil {
			_ = resp.Body.Close()
		}
		return err
	}
	for range 3 {
		for i := range 500 {
			if err := get(i); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := e.calls.Load(); n != 500 {
		t.Errorf("%d calls for the configurations of 500 tenants", n)
	}
	e.elsewhere.Store(true)
	for i := range 2000 {
		if err := get(500 + i); err == nil {
			t.Fatalf("tenant %d: a token endpoint elsewhere is accepted", 500+i)
		}
	}
}

// tenants responds to requests for the configuration of any tenant. It can be switched to a token
// endpoint at another host.
type tenants struct {
	calls     atomic.Int32
	elsewhere atomic.Bool
}

func (e *tenants) RoundTrip(r *http.Request) (*http.Response, error) {
	e.calls.Add(1)
	own := strings.TrimSuffix(r.URL.String(), "/v2.0/.well-known/openid-configuration")
	token := own + "/t"
	if e.elsewhere.Load() {
		token = "https://evil.example/t"
	}
	body := fmt.Sprintf(`{"issuer":"%[1]s/v2.0","authorization_endpoint":"%[1]s/a","token_endpoint":"%[2]s","jwks_uri":"%[1]s/k"}`, own, token)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}
