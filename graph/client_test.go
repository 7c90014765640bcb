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
	"unsafe"
	"weak"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func TestMe_gets_the_signed_in_user(t *testing.T) {
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
	if got.body != "Adele Vance, Retail Manager" {
		t.Errorf("got %d %q", got.status, got.body)
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

func TestMe_without_sign_in_is_login_required_and_sends_nothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.browser(t)
	if err := b.failure(me); !errors.Is(err, fibermsal.ErrLoginRequired) {
		t.Errorf("got %v", err)
	}
	if got := b.run(me); got.status != http.StatusUnauthorized {
		t.Errorf("the middleware answered %d", got.status)
	}
	if n := s.entra.Count(entratest.GraphMe); n != 0 {
		t.Errorf("Graph got %d requests", n)
	}
}

func TestMe_without_the_middleware_says_what_to_do(t *testing.T) {
	t.Parallel()
	app := fiber.New()
	var err error
	app.Get("/", func(c *fiber.Ctx) error {
		err = me(c)
		return nil
	})
	resp, testErr := app.Test(httptest.NewRequest(http.MethodGet, "/", http.NoBody), -1)
	if testErr != nil {
		t.Fatal(testErr)
	}
	_ = resp.Body.Close()
	if e := asError(t, err); e.Reason != "not_mounted" {
		t.Errorf("got %v, reason %q", e, e.Reason)
	}
}

// Fifty goroutines share nothing but the connections: each has an adapter, and
// through all of them their user's own data comes back.
func TestH2_identities_never_mix(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	type caller struct {
		adapter abstractions.RequestAdapter
		oid     string
	}
	var callers []caller
	for _, u := range s.entra.Users() {
		s.signIn(t, u.UPN).run(func(c *fiber.Ctx) error {
			callers = append(callers, caller{graph.Adapter(c), u.ID})
			return nil
		})
	}
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			who := callers[i%len(callers)]
			for range 5 {
				object, err := who.adapter.Send(t.Context(), meRequest(), models.CreateUserFromDiscriminatorValue, odataMapping)
				if err != nil {
					t.Errorf("call %d: %v", i, err)
					return
				}
				if got := *object.(models.Userable).GetId(); got != who.oid {
					t.Errorf("asked for %s, got %s", who.oid, got)
				}
			}
		})
	}
	wg.Wait()
}

// A call may be made in the context of another's, such as by a credential of the
// app's own. Each is noted and bounded for itself.
func TestH2_a_call_inside_a_call_is_its_own(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	asked := false
	credential := calling{fixedCredential{s.entra, s.entra.Issue(patti), s.entra.HTTPClient}, func(ctx context.Context) {
		asked = true
		b.run(func(c *fiber.Ctx) error {
			me, err := graph.Me(c).Get(ctx, nil)
			if err != nil || *me.GetDisplayName() != "Adele Vance" {
				t.Errorf("the inner call: %v", err)
			}
			return nil
		})
	}}
	me, err := graph.For(credential).Get(t.Context(), nil)
	if err != nil || *me.GetDisplayName() != "Patti Fernandez" || !asked {
		t.Errorf("the outer call: %v", err)
	}
}

func TestH2_one_adapter_serves_many_goroutines(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	var adapter abstractions.RequestAdapter
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		adapter = graph.Adapter(c)
		return nil
	})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			object, err := adapter.Send(context.Background(), meRequest(), models.CreateUserFromDiscriminatorValue, odataMapping)
			if err != nil {
				t.Error(err)
				return
			}
			if got := *object.(models.Userable).GetDisplayName(); got != "Adele Vance" {
				t.Errorf("got %q", got)
			}
		})
	}
	wg.Wait()
}

// Kiota keeps the token in the request object and sends it again, whoever asks.
func TestH2_a_request_object_used_for_two_users_is_each_users_own(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	shared := meRequest()
	for _, login := range []string{adele, patti} {
		want, _ := s.entra.User(login)
		shared.Headers.Add("Authorization", "Bearer "+s.entra.Issue(johanna)) // another library's doing
		s.signIn(t, login).run(func(c *fiber.Ctx) error {
			object, err := graph.Adapter(c).Send(c.UserContext(), shared, models.CreateUserFromDiscriminatorValue, odataMapping)
			if err != nil {
				t.Fatal(err)
			}
			if got := *object.(models.Userable).GetId(); got != want.ID {
				t.Errorf("%s got the data of %s", login, got)
			}
			return nil
		})
		if shared.Headers.ContainsKey("Authorization") {
			t.Error("the token stays in the request object")
		}
	}
}

// The strings of a request are gone when it ends (trap T10).
func TestH1_scopes_from_the_request_outlive_it(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	var late abstractions.RequestAdapter
	b.run(func(c *fiber.Ctx) error {
		buffer := []byte("User.Read")
		late = graph.Adapter(c, unsafeString(buffer))
		copy(buffer, "XXXXXXXXX")
		return nil
	})
	if _, err := late.Send(t.Context(), meRequest(), models.CreateUserFromDiscriminatorValue, odataMapping); err != nil {
		t.Errorf("after the request: %v", err)
	}
}

func TestFor_uses_the_credential_of_a_worker(t *testing.T) {
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

func TestFor_takes_a_plain_credential_to_the_public_cloud(t *testing.T) {
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

func TestFor_without_a_credential_is_an_error(t *testing.T) {
	t.Parallel()
	_, err := graph.For(nil).Get(t.Context(), nil)
	if !errors.Is(err, fibermsal.ErrMisconfigured) {
		t.Errorf("got %v", err)
	}
}

func TestAdapter_makes_a_client_of_the_whole_sdk(t *testing.T) {
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

func TestConnections_are_kept_alive_and_shared(t *testing.T) {
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
func TestConnections_survive_a_panic(t *testing.T) {
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
func TestAdapters_do_not_keep_an_Auth_in_memory(t *testing.T) {
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

// meRequest is what graph.Me(c).Get sends, for adapters.
func meRequest() *abstractions.RequestInformation {
	info := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(
		abstractions.GET, "{+baseurl}/me", map[string]string{})
	info.Headers.Add("Accept", "application/json")
	return info
}

var odataMapping = abstractions.ErrorMappings{"XXX": odataerrors.CreateODataErrorFromDiscriminatorValue}

// fixedCredential is a worker's, of somebody who signed in long ago.
type fixedCredential struct {
	entra  *entratest.Server
	token  string
	client *http.Client
}

func (k fixedCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: k.token}, nil
}
func (k fixedCredential) GraphURL() string         { return k.entra.GraphURL }
func (k fixedCredential) HTTPClient() *http.Client { return k.client }

// calling does something else before it gives a token.
type calling struct {
	fixedCredential
	call func(context.Context)
}

func (k calling) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	k.call(ctx)
	return k.fixedCredential.GetToken(ctx, options)
}

type urlCredential struct {
	graphURL string
	client   *http.Client
}

func (k urlCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token"}, nil
}
func (k urlCredential) GraphURL() string         { return k.graphURL }
func (k urlCredential) HTTPClient() *http.Client { return k.client }

// plainCredential is one of the Azure SDK's that fails.
type plainCredential struct{ asked *policy.TokenRequestOptions }

func (k plainCredential) GetToken(_ context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	if k.asked != nil {
		*k.asked = options
	}
	return azcore.AccessToken{}, errors.New("no managed identity here")
}

// unsafeString is a string in a buffer that will change, as Fiber's are.
func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func tokenFor(scopes ...string) policy.TokenRequestOptions {
	return policy.TokenRequestOptions{Scopes: scopes}
}
