package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestApp_NamesTheOrganization(t *testing.T) {
	t.Parallel()
	entra := entratest.New(entratest.WithRedirectURI("https://app.example/user/authorized"))
	entra.Fault(entratest.GraphOther, entratest.Fault{Body: `{"value":[{"id":"1","displayName":"Contoso"}]}`})
	app := newApp(fibermsal.Config{
		ClientID: entra.ClientID, ClientSecret: entra.ClientSecret, Authority: entra.Authority,
		GraphURL: entra.GraphURL, HTTPClient: entra.HTTPClient, PublicURL: "https://app.example",
	})
	var cookies []*http.Cookie
	visit := func(r *http.Request) (location, body string) {
		for _, c := range cookies {
			r.AddCookie(c)
		}
		resp, err := app.Test(r, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = resp.Body.Close() }()
		cookies = append(cookies, resp.Cookies()...)
		content, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Header.Get("Location"), string(content)
	}
	toEntra, _ := visit(httptest.NewRequest(http.MethodGet, "/user/login", http.NoBody))
	answer, err := entra.SignIn(toEntra, "AdeleV@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	visit(answer.Request())
	if _, got := visit(httptest.NewRequest(http.MethodGet, "/", http.NoBody)); got != `["Contoso"]` {
		t.Errorf("got %s", got)
	}
	sent := entra.Requests(entratest.GraphOther)
	if len(sent) != 1 || sent[0].URL.Path != "/v1.0/organization" {
		t.Errorf("Graph was asked for %v", sent)
	}
}
