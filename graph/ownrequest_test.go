package graph_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/fibermsal/fibermsal/graph"
)

// A call sets its URL in a copy, so the requests of callers, builders and other adapters do not change.
func TestCall_LeavesTheRequestAsItIs(t *testing.T) {
	t.Parallel()
	asked := make(chan string, 10)
	serve := func(version string) urlCredential {
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked <- version + " " + r.Method + " " + r.URL.String()
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"id":"1"}`)
		}))
		t.Cleanup(server.Close)
		return urlCredential{server.URL + "/" + version, server.Client()}
	}
	one, other := serve("v1.0"), serve("v2.0")
	expect := func(want string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if got := <-asked; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}

	info := abstractions.NewRequestInformationWithMethodAndUrlTemplateAndPathParameters(
		abstractions.PATCH, "{+baseurl}/users/{id}{?%24select}", map[string]string{"id": "a b"})
	info.QueryParametersAny["%24select"] = []string{"id", "mail"}
	for range 2 {
		expect("v1.0 PATCH /v1.0/users/a%20b?$select=id,mail", graph.AdapterFor(one).SendNoContent(t.Context(), info, odataMapping))
		expect("v2.0 PATCH /v2.0/users/a%20b?$select=id,mail", graph.AdapterFor(other).SendNoContent(t.Context(), info, odataMapping))
	}
	if info.PathParameters["id"] != "a b" || len(info.QueryParametersAny) != 1 || len(info.Headers.Get("Authorization")) != 0 {
		t.Errorf("the request is %+v", info)
	}

	builder := graph.MeFor(one).WithUrl(one.graphURL + "/users/7?$select=id")
	for range 2 {
		_, err := builder.Get(t.Context(), nil)
		expect("v1.0 GET /v1.0/users/7?$select=id", err)
	}
}
