package fibermsal_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// stored is the data that an earlier version has written, in testdata/stored.
type stored struct {
	ClientID  string            `json:"client_id"`
	Authority string            `json:"authority"`
	Key       []byte            `json:"key"`
	Cookie    string            `json:"cookie"`
	Records   map[string][]byte `json:"records"`
}

// frozen is a fiber.Storage with the data that a version wrote.
type frozen map[string][]byte

func (f frozen) Get(key string) ([]byte, error) { return f[key], nil }

func (f frozen) Set(key string, value []byte, _ time.Duration) error {
	f[key] = value
	return nil
}

func (f frozen) Delete(key string) error {
	delete(f, key)
	return nil
}

func (frozen) Reset() error { return nil }
func (frozen) Close() error { return nil }

// The next version must read the records of this version, so their keys, their seals and the names of
// their fields must not change.
func TestStored_SessionsOfEarlierVersionsAreSignedIn(t *testing.T) {
	versions, err := filepath.Glob("testdata/stored/*.json")
	if err != nil || len(versions) == 0 {
		t.Fatal("no version", err)
	}
	for _, file := range versions {
		t.Run(filepath.Base(file), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { testStored(t, file) })
		})
	}
}

func testStored(t *testing.T, file string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var old stored
	if err := json.Unmarshal(content, &old); err != nil {
		t.Fatal(err)
	}
	a, err := fibermsal.Open(fibermsal.Config{
		ClientID: old.ClientID, Authority: old.Authority, PublicURL: "https://app.example", Storage: frozen(old.Records), Keys: [][]byte{old.Key},
		Logger: slog.New(slog.DiscardHandler), HTTPClient: &http.Client{Transport: nobody{}},
		ClientSecret: "not needed",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })

	app := newApp()
	app.Use(a.Handler())
	app.Get("/", fibermsal.Require(), func(c *fiber.Ctx) error {
		token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{})
		if err != nil || token.Token == "" {
			t.Errorf("the token: %v", err)
		}
		accessor, err := fibermsal.NewCacheAccessor(c)
		if err != nil {
			return err
		}
		credential, err := confidential.NewCredFromSecret("not needed")
		if err != nil {
			return err
		}
		client, err := confidential.New(old.Authority, old.ClientID, credential, confidential.WithCache(accessor), confidential.WithInstanceDiscovery(false))
		if err != nil {
			return err
		}
		user, _ := fibermsal.FromContext(c)
		homeAccount := user.ID + "." + user.TenantID
		account, err := client.Account(c.UserContext(), homeAccount)
		if err != nil || account.HomeAccountID != homeAccount {
			t.Errorf("MSAL's account: %v, %v", account, err)
		}
		return c.SendString("hello")
	})
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.AddCookie(&http.Cookie{Name: "__Host-fibermsal", Value: old.Cookie})
	resp, err := testApp(app, r)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", resp, err)
	}
	_ = resp.Body.Close()
}

// nobody is a network without servers.
type nobody struct{}

func (nobody) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, http.ErrServerClosed
}
