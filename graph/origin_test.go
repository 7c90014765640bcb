package graph_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	khttp "github.com/microsoft/kiota-http-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func TestC8_OnlyGraphSeesARequest(t *testing.T) {
	t.Parallel()
	for name, raw := range map[string]string{
		"foreign host":             "https://evil.example/v1.0/me",
		"no scheme":                "//evil.example/v1.0/me",
		"no host":                  "/v1.0/me",
		"plain http":               "http://graph.entra.test/v1.0/me",
		"another port":             "https://graph.entra.test:8443/v1.0/me",
		"user before an evil host": "https://graph.entra.test@evil.example/v1.0/me",
		"user before Graph":        "https://evil.example@graph.entra.test/v1.0/me",
		"longer host":              "https://graph.entra.test.evil.example/v1.0/me",
		"host with a dot":          "https://graph.entra.test./v1.0/me",
		"dot segments":             "https://graph.entra.test/v1.0/../../@evil.example",
		"encoded dot segments":     "https://graph.entra.test/v1.0/%2e%2E/evil",
		"encoded slashes":          "https://graph.entra.test/v1.0/..%2f..%2fevil",
		"double slash":             "https://graph.entra.test//evil.example/me",
		"backslash":                `https://graph.entra.test/\evil.example/me`,
		"encoded backslash":        "https://graph.entra.test/%5cevil.example/me",
		"opaque":                   "https:graph.entra.test/v1.0/me",
		"not a URL":                "https://graph.entra.test:port/%zz",
		"empty host":               "https:///v1.0/me",
		"other scheme":             "file:///etc/passwd",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			err := s.signIn(t, adele).failure(func(c *fiber.Ctx) error {
				_, err := graph.Me(c).WithUrl(raw).Get(c.UserContext(), nil)
				return err
			})
			if !errors.Is(err, graph.ErrForeignURL) {
				t.Errorf("got %v", err)
			}
			if e := asError(t, err); strings.Contains(e.Error()+e.LogValue().String(), "evil") {
				t.Errorf("the error repeats the URL: %v", e.LogValue())
			}
			if left := s.net.foreignURLs(); len(left) != 0 {
				t.Errorf("requests went to %v", left)
			}
			if n := s.entra.Count(entratest.GraphMe) + s.entra.Count(entratest.GraphOther); n != 0 {
				t.Errorf("Graph got %d requests", n)
			}
		})
	}
}

func TestC8_URLsOfGraphPass(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, raw := range []string{
		"https://graph.entra.test/v1.0/me", "HTTPS://Graph.Entra.Test:443/v1.0/me",
		"https://graph.entra.test/v1.0/me?$select=id&note=mail%20eq%20'a@b'",
	} {
		err := s.signIn(t, adele).failure(func(c *fiber.Ctx) error {
			_, err := graph.Me(c).WithUrl(raw).Get(c.UserContext(), nil)
			return err
		})
		if err != nil && strings.HasPrefix(raw, "https") {
			t.Errorf("%s: %v", raw, err)
		}
		if errors.Is(err, graph.ErrForeignURL) {
			t.Errorf("%s was refused", raw)
		}
	}
}

func TestC8_ANextLinkToAnotherHostIsNotFollowed(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	err := s.signIn(t, adele).failure(func(c *fiber.Ctx) error {
		page := models.NewUserCollectionResponse()
		page.SetValue([]models.Userable{models.NewUser()})
		evil := "https://evil.example/v1.0/users?$skiptoken=x"
		page.SetOdataNextLink(&evil)
		pages, err := core.NewPageIterator[models.Userable](page, graph.Adapter(c), models.CreateUserCollectionResponseFromDiscriminatorValue)
		if err != nil {
			t.Fatal(err)
		}
		return pages.Iterate(c.UserContext(), func(models.Userable) bool { return true })
	})
	if !errors.Is(err, graph.ErrForeignURL) || len(s.net.foreignURLs()) != 0 {
		t.Errorf("got %v; requests went to %v", err, s.net.foreignURLs())
	}
}

func TestC8_RedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for name, location := range map[string][]string{
		"evil": {"https://evil.example/"}, "plain http": {"http://graph.entra.test/v1.0/me"},
		"to itself": {"https://graph.entra.test/v1.0/me"}, "nowhere": nil,
	} {
		for _, status := range []int{300, 301, 302, 303, 304, 307, 308} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, nil)
				b := s.signIn(t, adele)
				s.entra.Fault(entratest.GraphMe, entratest.Fault{Status: status, Header: http.Header{"Location": location}})
				err := b.failure(me)
				if e := asError(t, err); !errors.Is(e, graph.ErrBadAnswer) || e.Reason != "redirect" {
					t.Errorf("%d: got %v, reason %q", status, e, e.Reason)
				}
				if n := s.entra.Count(entratest.GraphMe); n != 1 || len(s.net.foreignURLs()) != 0 {
					t.Errorf("%d: Graph got %d requests, others %v", status, n, s.net.foreignURLs())
				}
			})
		}
	}
}

// The credential is not called, because a token that was never issued cannot leak.
func TestC8_NoTokenIsRequestedForAForeignURL(t *testing.T) {
	t.Parallel()
	entra := entratest.New()
	credential := hookedCredential{fixedCredential{entra, entra.Issue(adele), entra.HTTPClient}, func(context.Context) {
		t.Error("the credential was asked")
	}}
	for _, raw := range []string{"https://evil.example/", "https://graph.entra.test:8443/v1.0/me", "http://graph.entra.test/v1.0/me"} {
		if _, err := graph.MeFor(credential).WithUrl(raw).Get(t.Context(), nil); !errors.Is(err, graph.ErrForeignURL) {
			t.Errorf("%s: got %v", raw, err)
		}
		info := meRequest()
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		info.SetUri(*u)
		if _, err := graph.AdapterFor(credential).ConvertToNativeRequest(t.Context(), info); !errors.Is(err, graph.ErrForeignURL) {
			t.Errorf("%s: got %v", raw, err)
		}
	}
}

func TestC8_URLInPartsIsRefusedWhenTheyDisagree(t *testing.T) {
	t.Parallel()
	entra := entratest.New()
	for name, u := range map[string]url.URL{
		"opaque": {Scheme: "https", Host: "graph.entra.test", Opaque: "//evil.example/v1.0/me"},
		"user":   {Scheme: "https", Host: "graph.entra.test", Path: "/v1.0/me", User: url.User("evil")},
	} {
		info := meRequest()
		info.SetUri(u)
		adapter := graph.AdapterFor(fixedCredential{entra, entra.Issue(adele), entra.HTTPClient})
		if err := adapter.SendNoContent(t.Context(), info, odataMapping); !errors.Is(err, graph.ErrForeignURL) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Kiota's middlewares change a URL after the token was added.
func TestC8_URLChangedByAMiddlewareIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	err := s.signIn(t, adele).failure(func(c *fiber.Ctx) error {
		_, err := graph.Me(c).Get(c.UserContext(), &users.UserItemRequestBuilderGetRequestConfiguration{
			Options: []abstractions.RequestOption{&khttp.UrlReplaceOptions{
				Enabled: true, ReplacementPairs: map[string]string{"/users/me-token-to-replace": "/../../@evil.example"},
			}},
		})
		return err
	})
	if !errors.Is(err, graph.ErrForeignURL) || s.entra.Count(entratest.GraphOther) != 0 {
		t.Errorf("got %v", err)
	}
}

func TestC8_AnotherBaseURLIsRefused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	err := s.signIn(t, adele).failure(func(c *fiber.Ctx) error {
		a := graph.Adapter(c)
		a.SetBaseUrl("https://evil.example/v1.0")
		_, err := a.Send(c.UserContext(), meRequest(), models.CreateUserFromDiscriminatorValue, odataMapping)
		return err
	})
	if !errors.Is(err, graph.ErrForeignURL) || len(s.net.foreignURLs()) != 0 {
		t.Errorf("got %v; requests went to %v", err, s.net.foreignURLs())
	}
}
