package graph_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

// recorder is a Graph that answers by a script and records what it receives.
type recorder struct {
	*httptest.Server

	mu       sync.Mutex
	received []received
}

type received struct {
	method, path, authorization, body string
	length                            int64
	header                            http.Header
}

// newRecorder returns a Graph. script gets the number of the request, beginning with 0.
func newRecorder(t *testing.T, script func(n int, w http.ResponseWriter, r *http.Request)) *recorder {
	t.Helper()
	g := &recorder{}
	g.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.mu.Lock()
		n := len(g.received)
		g.received = append(g.received, received{r.Method, r.URL.RequestURI(), r.Header.Get("Authorization"), string(body), r.ContentLength, r.Header})
		g.mu.Unlock()
		script(n, w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *recorder) requests() []received {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.received
}

// credential returns tokens that this Graph may refuse.
func (g *recorder) credential() *renewingCredential {
	return &renewingCredential{urlCredential: urlCredential{g.URL + "/v1.0", g.Client()}}
}

func answerJSON(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func checkGroups(ctx context.Context, adapter abstractions.RequestAdapter) error {
	body := users.NewItemCheckMemberGroupsPostRequestBody()
	body.SetGroupIds([]string{"11111111-0000-0000-0000-000000000001"})
	found, err := users.NewUserItemRequestBuilderInternal(map[string]string{"user%2Did": "me-token-to-replace"}, adapter).
		CheckMemberGroups().PostAsCheckMemberGroupsPostResponse(ctx, body, nil)
	if err == nil && len(found.GetValue()) != 1 {
		return errors.New("another answer")
	}
	return err
}

func TestBodies_SurviveADrainingConnection(t *testing.T) {
	t.Parallel()
	s := newDrainingServer(t)
	credential := urlCredential{s.url, s.client}
	for range 3 {
		if err := checkGroups(t.Context(), graph.AdapterFor(credential)); err != nil {
			t.Fatalf("%v: %v", err, errors.Unwrap(err))
		}
	}
	bodies := s.answered()
	if len(bodies) != 3 || bodies[0] == "" || bodies[1] != bodies[0] || bodies[2] != bodies[0] {
		t.Errorf("got %q", bodies)
	}
}

func TestBodies_HaveALength(t *testing.T) {
	t.Parallel()
	g := newRecorder(t, func(_ int, w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"value":["x"]}`) })
	if err := checkGroups(t.Context(), graph.AdapterFor(g.credential())); err != nil {
		t.Fatal(err)
	}
	if r := g.requests()[0]; r.length != int64(len(r.body)) || r.length == 0 {
		t.Errorf("Content-Length %d for %d bytes", r.length, len(r.body))
	}
	native, err := graph.AdapterFor(g.credential()).ConvertToNativeRequest(t.Context(), postRequest())
	if err != nil {
		t.Fatal(err)
	}
	r := native.(*http.Request)
	if r.ContentLength != int64(len(`{"a":1}`)) || r.GetBody == nil {
		t.Errorf("native: length %d, repeatable: %t", r.ContentLength, r.GetBody != nil)
	}
}

func postRequest() *abstractions.RequestInformation {
	info := meRequest()
	info.Method = abstractions.POST
	info.SetStreamContentAndContentType([]byte(`{"a":1}`), "application/json")
	return info
}

// Every method is repeated, with its body, after a 401 and a 429.
func TestBodies_AreSentAgain(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(w http.ResponseWriter){
		"401": func(w http.ResponseWriter) {
			answerJSON(w, 401, `{"error":{"code":"InvalidAuthenticationToken","message":"m"}}`)
		},
		"429": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0")
			answerJSON(w, 429, `{"error":{"code":"TooManyRequests","message":"m"}}`)
		},
	} {
		for _, method := range []abstractions.HttpMethod{abstractions.POST, abstractions.PATCH, abstractions.PUT, abstractions.DELETE, abstractions.GET} {
			t.Run(name+" to "+method.String(), func(t *testing.T) {
				t.Parallel()
				g := newRecorder(t, func(n int, w http.ResponseWriter, _ *http.Request) {
					if n == 0 {
						first(w)
						return
					}
					answerJSON(w, 200, `{"id":"1"}`)
				})
				info := meRequest()
				info.Method = method
				if method != abstractions.GET && method != abstractions.DELETE {
					info.SetStreamContentAndContentType([]byte(`{"displayName":"Adele"}`), "application/json")
				}
				_, err := graph.AdapterFor(g.credential()).Send(t.Context(), info, models.CreateUserFromDiscriminatorValue, nil)
				requests := g.requests()
				if err != nil || len(requests) != 2 {
					t.Fatalf("%v after %d requests", err, len(requests))
				}
				if requests[0].body != requests[1].body || requests[0].length != requests[1].length {
					t.Errorf("the bodies are %q and %q", requests[0].body, requests[1].body)
				}
				if renewed := requests[0].authorization != requests[1].authorization; renewed != (name == "401") {
					t.Errorf("a new token: %t", renewed)
				}
			})
		}
	}
}

func TestBodies_ATokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	g := newRecorder(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		answerJSON(w, 401, `{"error":{"code":"InvalidAuthenticationToken","message":"m"}}`)
	})
	err := checkGroups(t.Context(), graph.AdapterFor(g.credential()))
	if !errors.Is(err, fibermsal.ErrLoginRequired) || len(g.requests()) != 2 {
		t.Errorf("%v after %d requests", err, len(g.requests()))
	}
}

// A claims challenge requires the user for every method.
func TestBodies_AreNotSentAgainForAClaimsChallenge(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	s.entra.Fault(entratest.GraphGroups, entratest.Fault{Status: 401, Body: `{}`, Header: http.Header{
		"Www-Authenticate": {`Bearer realm="", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="`},
	}})
	err := b.failure(func(c *fiber.Ctx) error { return checkGroups(c.UserContext(), graph.Adapter(c)) })
	if !errors.Is(err, fibermsal.ErrClaimsChallenge) || s.entra.Count(entratest.GraphGroups) != 1 {
		t.Errorf("%v after %d requests", err, s.entra.Count(entratest.GraphGroups))
	}
}

func TestG18_RetryAfterIsHonouredWithinTheCallersDeadline(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		endpoint        entratest.Endpoint
		status, times   int
		retryAfter      string
		deadline        time.Duration
		calls           int
		atLeast, atMost time.Duration
		fails           bool
	}{
		"a long wait that fits":       {entratest.GraphMe, 429, 1, "20", time.Minute, 2, 20 * time.Second, 21 * time.Second, false},
		"several waits":               {entratest.GraphMe, 429, 4, "10", time.Minute, 5, 40 * time.Second, 41 * time.Second, false},
		"a POST":                      {entratest.GraphGroups, 429, 2, "10", time.Minute, 3, 20 * time.Second, 21 * time.Second, false},
		"a wait that does not fit":    {entratest.GraphMe, 429, 0, "90", time.Minute, 1, 0, time.Second, true},
		"the last one does not fit":   {entratest.GraphMe, 503, 0, "25", time.Minute, 3, 50 * time.Second, 51 * time.Second, true},
		"a POST is not repeated: 503": {entratest.GraphGroups, 503, 0, "1", time.Minute, 1, 0, time.Second, true},
		"a POST is not repeated: 504": {entratest.GraphGroups, 504, 0, "1", time.Minute, 1, 0, time.Second, true},
		"a POST without a deadline":   {entratest.GraphGroups, 429, 1, "2", 0, 2, 2 * time.Second, 3 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, func(cfg *fibermsal.Config) { cfg.Scopes = []string{"User.Read", "GroupMember.Read.All"} })
				b := s.signIn(t, adele)
				s.entra.Fault(tt.endpoint, entratest.Fault{Times: tt.times, Status: tt.status, Header: http.Header{"Retry-After": {tt.retryAfter}}, Body: `{}`})
				var took time.Duration
				err := b.failure(func(c *fiber.Ctx) error {
					ctx, cancel := within(c.UserContext(), tt.deadline)
					defer cancel()
					start := time.Now()
					defer func() { took = time.Since(start) }()
					if tt.endpoint == entratest.GraphGroups {
						_, err := graph.Groups(ctx, fibermsal.TokenCredential(c), []string{groupID(1)})
						return err
					}
					_, err := graph.Me(c).Get(ctx, nil)
					return err
				})
				if n := s.entra.Count(tt.endpoint); n != tt.calls || (err != nil) != tt.fails || took < tt.atLeast || took > tt.atMost {
					t.Errorf("%v after %d requests and %v", err, n, took)
				}
			})
		})
	}
}

// The default transport of an app is used with a deadline of the caller.
func TestG18_ACallersDeadlineIsHonoured(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		listener := newPipes(t)
		server := &http.Server{ReadHeaderTimeout: time.Hour, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(40 * time.Second)
			answerJSON(w, 200, `{"id":"1"}`)
		})}
		go func() { _ = server.Serve(listener) }()
		defer func() { _ = server.Close() }()
		transport := listener.transport()
		defer transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		me, err := graph.MeFor(urlCredential{"http://127.0.0.1/v1.0", &http.Client{Transport: transport}}).Get(ctx, nil)
		if err != nil || *me.GetId() != "1" || strings.HasPrefix(time.Since(start).String(), "15") {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
