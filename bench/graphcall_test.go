package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	azure "github.com/microsoft/kiota-authentication-azure-go"
	khttp "github.com/microsoft/kiota-http-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal/graph"
)

// me is Graph's response for /me by default.
const me = `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users/$entity","businessPhones":["+1 425 555 0109"],` +
	`"displayName":"Adele Vance","givenName":"Adele","jobTitle":"Retail Manager","mail":"AdeleV@contoso.com","mobilePhone":null,` +
	`"officeLocation":"18/2111","preferredLanguage":"en-US","surname":"Vance","userPrincipalName":"AdeleV@contoso.com",` +
	`"id":"87d349ed-44d7-43e1-9a83-5f2406dee5bd"}`

// BenchmarkGraph measures a call of /me with an available token: with package graph, with the SDK as
// documented with a client for each user, and with plain HTTP. Each uses HTTP/2, as Graph does,
// HTTP/1.1, and a transport that responds immediately, which shows the cost of the client itself.
func BenchmarkGraph(b *testing.B) {
	for _, protocol := range []string{"h2", "h1", "none"} {
		b.Run("protocol="+protocol, func(b *testing.B) {
			k := newGraphCredential(b, protocol)
			b.Run("app=fibermsal", func(b *testing.B) { measureGraph(b, k.typed) })
			b.Run("app=sdk", func(b *testing.B) { measureGraph(b, k.sdk) })
			b.Run("app=http", func(b *testing.B) { measureGraph(b, k.plain) })
		})
	}
}

func measureGraph(b *testing.B, call func(context.Context) error) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if err := call(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// graphCredential is a credential with a token and the address of a server.
type graphCredential struct {
	root, host     string
	client, forSDK *http.Client
}

func newGraphCredential(b *testing.B, protocol string) *graphCredential {
	b.Helper()
	if protocol == "none" {
		return graphCredentialFor("https://graph.test/v1.0", &http.Client{Transport: answerAtOnce{}})
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 != (protocol == "h2") || r.Header.Get("Authorization") != "Bearer token" {
			w.WriteHeader(http.StatusTeapot)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, me) // the client finds out
	}))
	server.EnableHTTP2 = protocol == "h2"
	server.StartTLS()
	b.Cleanup(server.Close)
	return graphCredentialFor(server.URL+"/v1.0", server.Client())
}

func graphCredentialFor(root string, client *http.Client) *graphCredential {
	host, _, _ := strings.Cut(strings.TrimPrefix(root, "https://"), "/")
	host, _, _ = strings.Cut(host, ":") // Kiota compares names without ports
	handlers := core.GetDefaultMiddlewaresWithOptions(&core.GraphClientOptions{})
	return &graphCredential{root, host, client, &http.Client{Transport: khttp.NewCustomTransportWithParentTransport(client.Transport, handlers...)}}
}

// answerAtOnce is a transport that responds immediately, without a network.
type answerAtOnce struct{}

// RoundTrip implements http.RoundTripper.
func (answerAtOnce) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/2.0", ProtoMajor: 2, Request: r, ContentLength: int64(len(me)),
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader([]byte(me))),
	}, nil
}

func (k *graphCredential) GraphURL() string         { return k.root }
func (k *graphCredential) HTTPClient() *http.Client { return k.client }

// GetToken implements azcore.TokenCredential.
func (k *graphCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func (k *graphCredential) typed(ctx context.Context) error {
	_, err := graph.MeFor(k).Get(ctx, nil)
	return err
}

// sdk returns Microsoft's client for a credential, with one HTTP client for all users.
func (k *graphCredential) sdk(ctx context.Context) error {
	provider, err := azure.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(k, nil, []string{k.host})
	if err != nil {
		return err
	}
	adapter, err := core.NewGraphRequestAdapterBaseWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		provider, core.GraphClientOptions{}, nil, nil, k.forSDK)
	if err != nil {
		return err
	}
	adapter.SetBaseUrl(k.root)
	_, err = users.NewUserItemRequestBuilderInternal(map[string]string{"user%2Did": "me-token-to-replace"}, adapter).Get(ctx, nil)
	return err
}

func (k *graphCredential) plain(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.root+"/me", http.NoBody)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer token")
	resp, err := k.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	var user struct {
		ID string `json:"id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&user); err != nil || user.ID == "" {
		return fmt.Errorf("status %d: %w", resp.StatusCode, err)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
