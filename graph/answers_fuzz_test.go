package graph_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/graph"
)

// For any response of Graph, a call returns either a result, or an error of this library that does not
// contain the token (traps K1, K2). Statuses for which a call is repeated are left out, because
// repeating takes seconds.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []struct {
		status     uint16
		mediaType  string
		body, more string
	}{
		{200, "application/json", `{"id":"1","displayName":"A","businessPhones":["+1"]}`, ""},
		{200, "application/json", `{"id":1,"mail":[]}`, ""},
		{200, "application/json", `[]`, ""},
		{200, "application/json", ``, ""},
		{204, "", ``, ""},
		{200, "text/html", `<html>`, ""},
		{200, "", `{"id":"1"}`, ""},
		{200, "application/json", `{"@odata.type":"#microsoft.graph.group","id":"1"}`, ""},
		{200, "application/json;charset=\"", `null`, ""},
		{401, "application/json", `{"error":{"code":"InvalidAuthenticationToken"}}`, `Bearer realm="", claims=abc`},
		{401, "", ``, `Bearer claims="e30", error="insufficient_claims"`},
		{403, "application/json", `{"error":{"code":"Authorization_RequestDenied","message":null,"innerError":{"request-id":"x"}}}`, ""},
		{404, "application/json", `{"error":{}}`, ""},
		{400, "application/json", `{"error":"text"}`, ""},
		{500, "application/json", `{`, ""},
		{302, "", ``, ""},
		{418, "image/png", "\x89PNG\r\n\x1a\n", ""},
	} {
		f.Add(seed.status, seed.mediaType, seed.body, seed.more)
	}
	f.Fuzz(func(t *testing.T, status uint16, mediaType, body, challenge string) {
		if status < 200 || status > 599 || status == 429 || status == 503 || status == 504 || strings.ContainsAny(mediaType+challenge, "\r\n\x00") {
			t.Skip("no answer, or one that is repeated")
		}
		const token = "the-secret-token-of-the-user"
		client := &http.Client{Transport: answering(func(r *http.Request) *http.Response {
			h := http.Header{"Content-Type": {mediaType}, "Www-Authenticate": {challenge}}
			return &http.Response{StatusCode: int(status), Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}
		})}
		credential := fuzzedCredential{urlCredential{"https://graph.example/v1.0", client}, token}
		_, first := graph.MeFor(credential).Get(t.Context(), nil)
		var person struct{ ID, Mail string }
		var raw []byte
		second := graph.Call(t.Context(), graph.AdapterFor(credential), http.MethodGet, "/me", nil, &person)
		third := graph.Call(t.Context(), graph.AdapterFor(credential), http.MethodGet, "/me/photo/$value", nil, &raw)
		if raw != nil && !bytes.Equal(raw, []byte(body)) {
			t.Fatalf("%q became %q", body, raw)
		}
		for _, err := range []error{first, second, third} {
			var ours *entra.Error
			if err != nil && (!errors.As(err, &ours) || ours.Code == "" || strings.Contains(err.Error(), token)) {
				t.Fatalf("an error of another kind, or with the token: %v", err)
			}
		}
	})
}

type answering func(*http.Request) *http.Response

func (f answering) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// fuzzedCredential has a token that can be searched for in errors.
type fuzzedCredential struct {
	urlCredential
	token string
}

func (k fuzzedCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: k.token}, nil
}
