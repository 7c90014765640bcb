package graph_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/fibermsal/fibermsal/graph"
	beta "github.com/fibermsal/fibermsal/graph/testdata/msgraph-beta-sdk-go/models"
)

var betaErrors = abstractions.ErrorMappings{"XXX": beta.CreateODataErrorFromDiscriminatorValue}

// A client of the beta SDK uses the adapter's base URL, which is that of v1.0.
func TestBeta_RequestsOfItsSDKGoToBeta(t *testing.T) {
	t.Parallel()
	g := newRecorder(t, func(_ int, w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"id":"1"}`) })
	adapter := graph.AdapterFor(g.credential())
	request := func(method abstractions.HttpMethod) *abstractions.RequestInformation {
		info := meRequest()
		info.Method = method
		info.PathParameters["baseurl"] = adapter.GetBaseUrl() // as NewGraphServiceClient does
		return info
	}
	for name, row := range map[string]struct {
		send func() error
		want string
	}{
		"an object": {func() error {
			return errOf(adapter.Send(t.Context(), request(abstractions.GET), beta.CreateUserFromDiscriminatorValue, betaErrors))
		}, "/beta/me"},
		"objects": {func() error {
			return errOf(adapter.SendCollection(t.Context(), request(abstractions.PATCH), beta.CreateUserFromDiscriminatorValue, betaErrors))
		}, "/beta/me"},
		"bytes": {func() error {
			return errOf(adapter.SendPrimitive(t.Context(), request(abstractions.GET), "[]byte", betaErrors))
		}, "/beta/me"},
		"nothing": {func() error { return adapter.SendNoContent(t.Context(), request(abstractions.DELETE), betaErrors) }, "/beta/me"},
		"v1.0, at the same adapter": {func() error {
			return errOf(adapter.Send(t.Context(), request(abstractions.GET), models.CreateUserFromDiscriminatorValue, odataMapping))
		}, "/v1.0/me"},
	} {
		before := len(g.requests())
		if err := row.send(); err != nil && name != "objects" {
			t.Errorf("%s: %v: %v", name, err, errors.Unwrap(err))
		}
		if got := g.requests()[before].path; got != row.want {
			t.Errorf("%s went to %s", name, got)
		}
	}
}

func TestBeta_SetBaseUrlDecidesForAll(t *testing.T) {
	t.Parallel()
	g := newRecorder(t, func(_ int, w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, `{"id":"1"}`) })
	adapter := graph.AdapterFor(g.credential())
	adapter.SetBaseUrl(g.URL + "/beta")
	if _, err := adapter.Send(t.Context(), meRequest(), models.CreateUserFromDiscriminatorValue, odataMapping); err != nil {
		t.Fatal(err)
	}
	if got := g.requests()[0].path; got != "/beta/me" {
		t.Errorf("went to %s", got)
	}
}

func TestBeta_ErrorsKeepGraphsCode(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"error":{"code":"accessDenied","message":"m"}}`, `{"error":{"code":"accessDenied"}}`, `{"message":"m","error":{"code":"accessDenied"}}`} {
		g := newRecorder(t, func(_ int, w http.ResponseWriter, _ *http.Request) { answerJSON(w, 403, body) })
		_, err := graph.AdapterFor(g.credential()).Send(t.Context(), meRequest(), beta.CreateUserFromDiscriminatorValue, betaErrors)
		if e := asError(t, err); !errors.Is(err, graph.ErrAccessDenied) || e.Reason != "accessDenied" {
			t.Errorf("got %v, reason %q", e, e.Reason)
		}
		var sdkError *beta.ODataError
		if found := errors.As(err, &sdkError); found != strings.HasPrefix(body, `{"message"`) {
			t.Errorf("the SDK's error is there: %t", found) // one whose Error method panics is not
		}
	}
}
