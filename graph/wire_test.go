package graph_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	khttp "github.com/microsoft/kiota-http-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func TestC8_only_Graph_sees_a_request(t *testing.T) {
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
			if left := s.net.left(); len(left) != 0 {
				t.Errorf("requests went to %v", left)
			}
			if n := s.entra.Count(entratest.GraphMe) + s.entra.Count(entratest.GraphOther); n != 0 {
				t.Errorf("Graph got %d requests", n)
			}
		})
	}
}

func TestC8_URLs_of_Graph_pass(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, raw := range []string{
		"https://graph.entra.test/v1.0/me", "HTTPS://Graph.Entra.Test:443/v1.0/me",
		"https://graph.entra.test/v1.0/me?$select=id&$filter=mail%20eq%20'a@b'",
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

func TestC8_a_nextLink_to_another_host_is_not_followed(t *testing.T) {
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
	if !errors.Is(err, graph.ErrForeignURL) || len(s.net.left()) != 0 {
		t.Errorf("got %v; requests went to %v", err, s.net.left())
	}
}

func TestC8_redirects_are_not_followed(t *testing.T) {
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
				if n := s.entra.Count(entratest.GraphMe); n != 1 || len(s.net.left()) != 0 {
					t.Errorf("%d: Graph got %d requests, others %v", status, n, s.net.left())
				}
			})
		}
	}
}

// The credential is not even asked: a token that exists can be lost.
func TestC8_no_token_is_got_for_a_foreign_URL(t *testing.T) {
	t.Parallel()
	entra := entratest.New()
	credential := calling{fixedCredential{entra, entra.Issue(adele), entra.HTTPClient}, func(context.Context) {
		t.Error("the credential was asked")
	}}
	for _, raw := range []string{"https://evil.example/", "https://graph.entra.test:8443/v1.0/me", "http://graph.entra.test/v1.0/me"} {
		if _, err := graph.For(credential).WithUrl(raw).Get(t.Context(), nil); !errors.Is(err, graph.ErrForeignURL) {
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

func TestC8_a_URL_in_parts_is_refused_when_they_disagree(t *testing.T) {
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

// Handlers of Kiota's change a URL after it got its token.
func TestC8_a_URL_that_is_changed_on_its_way_is_refused(t *testing.T) {
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

func TestC8_another_base_URL_is_refused(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	err := s.signIn(t, adele).failure(func(c *fiber.Ctx) error {
		a := graph.Adapter(c)
		a.SetBaseUrl("https://evil.example/v1.0")
		_, err := a.Send(c.UserContext(), meRequest(), models.CreateUserFromDiscriminatorValue, odataMapping)
		return err
	})
	if !errors.Is(err, graph.ErrForeignURL) || len(s.net.left()) != 0 {
		t.Errorf("got %v; requests went to %v", err, s.net.left())
	}
}

// Virtual time shows how long a caller waits, to the millisecond.
func TestG18_waiting_for_a_busy_Graph_is_bounded(t *testing.T) {
	t.Parallel()
	type faults []entratest.Fault
	after := func(status int, value string, times int) entratest.Fault {
		return entratest.Fault{Times: times, Status: status, Header: http.Header{"Retry-After": {value}}, Body: `{"error":{"code":"TooManyRequests","message":"slow down"}}`}
	}
	for name, tt := range map[string]struct {
		faults     faults
		post       bool
		deadline   time.Duration
		calls      int
		atMost     time.Duration
		atLeast    time.Duration
		status     int // 0: success
		retryAfter time.Duration
	}{
		"recovers after one second":        {faults: faults{after(429, "1", 1)}, calls: 2, atLeast: time.Second, atMost: 1100 * time.Millisecond},
		"recovers without Retry-After":     {faults: faults{{Times: 2, Status: 503}}, calls: 3, atLeast: 800 * time.Millisecond, atMost: 1500 * time.Millisecond},
		"immediate repetition is slowed":   {faults: faults{after(429, "0", 2)}, calls: 3, atLeast: 800 * time.Millisecond, atMost: 1500 * time.Millisecond},
		"gives up after three tries":       {faults: faults{after(503, "1", 0)}, calls: 3, atMost: 3 * time.Second, status: 503, retryAfter: time.Second},
		"a long wait ends at once":         {faults: faults{after(429, "120", 0)}, calls: 1, status: 429, retryAfter: 2 * time.Minute},
		"an endless wait is cut":           {faults: faults{after(429, "999999999999", 0)}, calls: 1, status: 429, retryAfter: 24 * time.Hour},
		"a date":                           {faults: faults{after(503, "Sat, 01 Jan 2000 00:10:00 GMT", 0)}, calls: 1, status: 503, retryAfter: 10 * time.Minute},
		"nonsense":                         {faults: faults{after(504, "soon", 0)}, calls: 3, atMost: 3 * time.Second, status: 504, retryAfter: 5 * time.Second},
		"both waits must fit":              {faults: faults{after(429, "2", 0)}, calls: 2, atLeast: 2 * time.Second, atMost: 2 * time.Second, status: 429, retryAfter: 2 * time.Second},
		"a write is not repeated":          {faults: faults{after(503, "1", 0)}, post: true, calls: 1, status: 503, retryAfter: time.Second},
		"no wait beyond the deadline":      {faults: faults{after(503, "1", 0)}, deadline: 500 * time.Millisecond, calls: 1, status: 503, retryAfter: time.Second},
		"other failures are not repeated":  {faults: faults{{Status: 500}}, calls: 1, status: 500},
		"nor are refusals":                 {faults: faults{{Status: 400}}, calls: 1, status: 400},
		"a slow answer ends in 15 seconds": {faults: faults{{Delay: time.Hour}}, calls: 1, atLeast: 15 * time.Second, atMost: 15 * time.Second, status: 503, retryAfter: 5 * time.Second},
		"or at the deadline":               {faults: faults{{Delay: time.Hour}}, deadline: time.Minute, calls: 1, atLeast: time.Minute, atMost: time.Minute, status: 503, retryAfter: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, nil)
				b := s.signIn(t, adele)
				for _, f := range tt.faults {
					s.entra.Fault(entratest.GraphMe, f)
				}
				var took time.Duration
				err := b.failure(func(c *fiber.Ctx) error {
					ctx := c.UserContext()
					if tt.deadline > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, tt.deadline)
						defer cancel()
					}
					start := time.Now()
					defer func() { took = time.Since(start) }()
					if tt.post {
						_, err := graph.Me(c).Patch(ctx, models.NewUser(), nil)
						return err
					}
					_, err := graph.Me(c).Get(ctx, nil)
					return err
				})
				if n := s.entra.Count(entratest.GraphMe); n != tt.calls {
					t.Errorf("%d requests, want %d", n, tt.calls)
				}
				if took < tt.atLeast || took > tt.atMost {
					t.Errorf("took %v, want %v to %v", took, tt.atLeast, tt.atMost)
				}
				if tt.status == 0 {
					if err != nil {
						t.Errorf("got %v", err)
					}
					return
				}
				e := asError(t, err)
				if e.Status != tt.status || e.RetryAfter != tt.retryAfter {
					t.Errorf("got status %d, retry after %v", e.Status, e.RetryAfter)
				}
				if wantUnavailable := tt.status != 500 && tt.status != 400; errors.Is(e, fibermsal.ErrUnavailable) != wantUnavailable {
					t.Errorf("got %v", e)
				}
			})
		})
	}
}

func TestG18_a_caller_who_leaves_ends_the_call(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil)
		b := s.signIn(t, adele)
		s.entra.Fault(entratest.GraphMe, entratest.Fault{Status: 503, Header: http.Header{"Retry-After": {"2"}}})
		err := b.failure(func(c *fiber.Ctx) error {
			ctx, cancel := context.WithCancel(c.UserContext())
			time.AfterFunc(time.Second, cancel)
			start := time.Now()
			_, err := graph.Me(c).Get(ctx, nil)
			if took := time.Since(start); took != time.Second {
				t.Errorf("took %v", took)
			}
			return err
		})
		if !errors.Is(err, context.Canceled) || !errors.Is(err, fibermsal.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	})
}

func TestAnswers_are_limited_in_size(t *testing.T) {
	t.Parallel()
	endless := func() io.Reader { return io.MultiReader(strings.NewReader(`{"displayName":"`), zeros{}) }
	for name, fault := range map[string]entratest.Fault{
		"endless object": {BodyFrom: endless, Header: http.Header{"Content-Type": {"application/json"}}},
		"endless error":  {Status: 400, BodyFrom: endless, Header: http.Header{"Content-Type": {"application/json"}}},
		"known length":   {Body: `{"displayName":"` + strings.Repeat("a", 8<<20) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, nil)
			b := s.signIn(t, adele)
			s.entra.Fault(entratest.GraphMe, fault)
			if e := asError(t, b.failure(me)); !errors.Is(e, graph.ErrBadAnswer) || e.Reason != "too_large" {
				t.Errorf("got %v, reason %q", e, e.Reason)
			}
		})
	}
}

// A native response is read after the call is over, and may be.
func TestAdapter_leaves_raw_answers_open(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.signIn(t, adele).run(func(c *fiber.Ctx) error {
		var raw *http.Response
		info := meRequest()
		option := abstractions.NewRequestHandlerOption()
		option.SetResponseHandler(func(response any, _ abstractions.ErrorMappings) (any, error) {
			raw, _ = response.(*http.Response)
			return nil, nil
		})
		info.AddRequestOptions([]abstractions.RequestOption{option})
		if err := graph.Adapter(c).SendNoContent(c.UserContext(), info, odataMapping); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = raw.Body.Close() }()
		body, err := io.ReadAll(raw.Body)
		if err != nil || !strings.Contains(string(body), "Adele Vance") {
			t.Errorf("got %v %q", err, body)
		}
		return nil
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}
