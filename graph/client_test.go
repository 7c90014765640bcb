package graph_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func TestMe_GetsTheSignedInUser(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	got := s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		me, err := graph.Me(c).Get(c.UserContext(), &users.UserItemRequestBuilderGetRequestConfiguration{
			QueryParameters: &users.UserItemRequestBuilderGetQueryParameters{Select: []string{"displayName", "jobTitle"}},
		})
		if err != nil {
			return err
		}
		if me.GetMail() != nil {
			t.Error("the answer has a property that was not selected")
		}
		return c.SendString(*me.GetDisplayName() + ", " + *me.GetJobTitle())
	})
	if got.Text != "Adele Vance, Retail Manager" {
		t.Errorf("got %d %q", got.StatusCode, got.Text)
	}
	sent := s.entra.Requests(entratest.GraphMe)
	if len(sent) != 1 || sent[0].URL.Path != "/v1.0/me" || sent[0].URL.RawQuery != "$select=displayName,jobTitle" {
		t.Errorf("Graph was asked for %v", sent)
	}
	for name, want := range map[string]string{"User-Agent": "kiota-go/", "SdkVersion": "graph-go-core/", "client-request-id": "-"} {
		if got := sent[0].Header.Get(name); !strings.Contains(got, want) {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestMe_WithoutSignInIsLoginRequiredAndSendsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.browser(t)
	if err := b.failure(me); !errors.Is(err, fibermsal.ErrLoginRequired) {
		t.Errorf("got %v", err)
	}
	if got := b.run(me); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("the middleware answered %d", got.StatusCode)
	}
	if n := s.entra.Count(entratest.GraphMe); n != 0 {
		t.Errorf("Graph got %d requests", n)
	}
}

func TestMe_WithoutTheMiddlewareSaysWhatToDo(t *testing.T) {
	t.Parallel()
	app := newApp()
	var err error
	app.Get("/", func(c *fiber.Ctx) error {
		err = me(c)
		return nil
	})
	resp, testErr := testApp(app, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	if testErr != nil {
		t.Fatal(testErr)
	}
	_ = resp.Body.Close()
	if e := asError(t, err); e.Reason != "not_mounted" {
		t.Errorf("got %v, reason %q", e, e.Reason)
	}
}

func TestFor_UsesTheCredentialOfAWorker(t *testing.T) {
	t.Parallel()
	entra := entratest.New()
	worker := fixedCredential{entra, entra.Issue(adele), entra.HTTPClient}
	got, err := graph.For(worker).Get(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *got.GetDisplayName() != "Adele Vance" {
		t.Errorf("got %q", *got.GetDisplayName())
	}
}

func TestFor_TakesAPlainCredentialToThePublicCloud(t *testing.T) {
	t.Parallel()
	if got := graph.AdapterFor(plainCredential{}).GetBaseUrl(); got != "https://graph.microsoft.com/v1.0" {
		t.Errorf("got %q", got)
	}
	var asked policy.TokenRequestOptions
	_, err := graph.For(plainCredential{&asked}).Get(t.Context(), nil)
	if e := asError(t, err); !errors.Is(e, fibermsal.ErrUnavailable) || e.Reason != "credential_failed" {
		t.Errorf("got %v, reason %q", e, e.Reason)
	}
	if len(asked.Scopes) != 1 || asked.Scopes[0] != "https://graph.microsoft.com/.default" || !asked.EnableCAE {
		t.Errorf("the credential was asked for %+v", asked)
	}
}

func TestFor_WithoutACredentialIsAnError(t *testing.T) {
	t.Parallel()
	_, err := graph.For(nil).Get(t.Context(), nil)
	if !errors.Is(err, fibermsal.ErrMisconfigured) {
		t.Errorf("got %v", err)
	}
}

func TestAdapter_MakesAClientOfTheWholeSDK(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		adapter := graph.Adapter(c)
		adapter.EnableBackingStore(nil) // as NewGraphServiceClient does
		if adapter.GetBaseUrl() != s.entra.GraphURL {
			t.Errorf("the base is %q", adapter.GetBaseUrl())
		}
		if adapter.GetSerializationWriterFactory() == nil {
			t.Error("there is no writer")
		}
		native, err := adapter.ConvertToNativeRequest(c.UserContext(), meRequest())
		if err != nil {
			t.Fatal(err)
		}
		r, ok := native.(*http.Request)
		if !ok || !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") || r.URL.Host != "graph.entra.test" {
			t.Errorf("got %T", native)
		}
		return nil
	})
}

func TestConnections_AreKeptAliveAndShared(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	connections := map[string]bool{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		connections[r.RemoteAddr] = true
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(r.URL.Path, "/manager") {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error":{"code":"Request_ResourceNotFound","message":"none"}}`))
			return
		}
		_, _ = w.Write([]byte(`{"id":"1"}`))
	}))
	defer server.Close()
	for range 10 {
		credential := urlCredential{server.URL + "/v1.0", server.Client()}
		if _, err := graph.For(credential).Get(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := graph.For(credential).Manager().Get(t.Context(), nil); !errors.Is(err, graph.ErrNotFound) {
			t.Fatal(err)
		}
	}
	if len(connections) != 1 {
		t.Errorf("20 calls took %d connections", len(connections))
	}
}

// Kiota panics over such a challenge with the answer still open.
func TestConnections_SurviveAPanic(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="", claims=abc`)
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{}`))
	}))
	defer server.Close()
	client := server.Client()
	client.Transport.(*http.Transport).MaxConnsPerHost = 1
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 3 {
		if _, err := graph.For(urlCredential{server.URL + "/v1.0", client}).Get(ctx, nil); !errors.Is(err, fibermsal.ErrLoginRequired) {
			t.Fatalf("got %v", err)
		}
	}
}

// Nothing here remembers the clients of Auths that are closed.
func TestAdapters_DoNotKeepAnAuthInMemory(t *testing.T) {
	t.Parallel()
	gone := func() weak.Pointer[entratest.Server] {
		entra := entratest.New()
		if _, err := graph.For(fixedCredential{entra, entra.Issue(adele), entra.HTTPClient}).Get(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		return weak.Make(entra)
	}()
	for range 100 {
		runtime.GC()
		if gone.Value() == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the server is still in memory")
}
