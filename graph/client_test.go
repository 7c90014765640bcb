package graph_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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

func TestMeFor_UsesTheCredentialOfAWorker(t *testing.T) {
	t.Parallel()
	entra := entratest.New()
	worker := fixedCredential{entra, entra.Issue(adele), entra.HTTPClient}
	got, err := graph.MeFor(worker).Get(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *got.GetDisplayName() != "Adele Vance" {
		t.Errorf("got %q", *got.GetDisplayName())
	}
}

func TestMeFor_TakesAPlainCredentialToThePublicCloud(t *testing.T) {
	t.Parallel()
	if got := graph.AdapterFor(plainCredential{}).GetBaseUrl(); got != "https://graph.microsoft.com/v1.0" {
		t.Errorf("got %q", got)
	}
	var requested policy.TokenRequestOptions
	_, err := graph.MeFor(plainCredential{&requested}).Get(t.Context(), nil)
	if e := asError(t, err); !errors.Is(e, fibermsal.ErrUnavailable) || e.Reason != "credential_failed" {
		t.Errorf("got %v, reason %q", e, e.Reason)
	}
	if len(requested.Scopes) != 1 || requested.Scopes[0] != "https://graph.microsoft.com/.default" || !requested.EnableCAE {
		t.Errorf("the credential was asked for %+v", requested)
	}
}

func TestMeFor_WithoutACredentialIsAnError(t *testing.T) {
	t.Parallel()
	_, err := graph.MeFor(nil).Get(t.Context(), nil)
	if !errors.Is(err, fibermsal.ErrMisconfigured) {
		t.Errorf("got %v", err)
	}
}
