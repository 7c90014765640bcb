package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func TestCall_SendsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	g := newRecorder(t, func(_ int, w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"id":"1"}`) })
	adapter := graph.AdapterFor(g.credential())
	for _, row := range []struct {
		method, path string
		body         any
		want         received
	}{
		{http.MethodGet, "/me?$select=id", nil, received{path: "/v1.0/me?$select=id"}},
		{http.MethodGet, "/users?$filter=displayName eq 'Adele Vance'", nil, received{path: "/v1.0/users?$filter=displayName%20eq%20'Adele%20Vance'"}},
		{http.MethodGet, g.URL + "/v1.0/users?$skiptoken=a%2Fb", nil, received{path: "/v1.0/users?$skiptoken=a%2Fb"}},
		{http.MethodPost, "/me/sendMail", map[string]any{"message": 1}, received{path: "/v1.0/me/sendMail", body: `{"message":1}`}},
		{http.MethodPut, "/me/photo/$value", []byte("\xff\xd8"), received{path: "/v1.0/me/photo/$value", body: "\xff\xd8"}},
		{http.MethodPatch, "/me", json.RawMessage(`{"a":2}`), received{path: "/v1.0/me", body: `{"a":2}`}},
		{http.MethodDelete, "/me/messages/1", nil, received{path: "/v1.0/me/messages/1"}},
	} {
		before := len(g.requests())
		var result struct{ ID string }
		if err := graph.Call(t.Context(), adapter, row.method, row.path, row.body, &result, graph.WithHeader("ConsistencyLevel", "eventual"), graph.WithHeader("Prefer", "x")); err != nil || result.ID != "1" {
			t.Fatalf("%s %s: %v: %v", row.method, row.path, err, errors.Unwrap(err))
		}
		got := g.requests()[before]
		if got.method != row.method || got.path != row.want.path || got.body != row.want.body ||
			got.header.Get("ConsistencyLevel") != "eventual" || got.header.Get("Prefer") != "x" || got.authorization != "Bearer token-0" {
			t.Errorf("got %+v", got)
		}
	}
	if err := graph.Call(t.Context(), adapter, http.MethodPost, "/me/revokeSignInSessions", nil, nil); err != nil {
		t.Errorf("without a result: %v", err)
	}
}

func TestCall_FailsAsBuildersDo(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	b := s.signIn(t, adele)
	for name, row := range map[string]struct {
		method, path string
		body, result any
		want         error
	}{
		"not found":    {http.MethodGet, "/me/manager", nil, new(json.RawMessage), graph.ErrNotFound},
		"another host": {http.MethodGet, "https://evil.example/v1.0/me", nil, new(json.RawMessage), graph.ErrForeignURL},
		"a relative":   {http.MethodGet, "me", nil, new(json.RawMessage), graph.ErrForeignURL},
		"dots":         {http.MethodGet, "/../../evil", nil, new(json.RawMessage), graph.ErrForeignURL},
		"control":      {http.MethodGet, "/me\r\nHost: evil", nil, new(json.RawMessage), graph.ErrForeignURL},
		"method":       {"FETCH", "/me", nil, nil, graph.ErrRefused},
		"lower case":   {"get", "/me", nil, nil, graph.ErrRefused},
		"body":         {http.MethodPost, "/me", func() {}, nil, graph.ErrRefused},
		"wrong type":   {http.MethodGet, "/me", nil, new([]string), graph.ErrBadAnswer},
	} {
		if name == "not found" {
			s.entra.Fault(entratest.GraphManager, entratest.Fault{Status: 404, Body: `{"error":{"code":"Request_ResourceNotFound","message":"m"}}`})
		}
		err := b.failure(func(c *fiber.Ctx) error {
			return graph.Call(c.UserContext(), graph.Adapter(c), row.method, row.path, row.body, row.result)
		})
		if !errors.Is(err, row.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := s.browser(t).failure(func(c *fiber.Ctx) error {
		return graph.Call(context.Background(), graph.Adapter(c), http.MethodGet, "/me", nil, nil)
	}); !errors.Is(err, fibermsal.ErrLoginRequired) {
		t.Errorf("a stranger: %v", err)
	}
}
