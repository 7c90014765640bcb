package entratest_test

import (
	"io"
	"net/http"
	"net/url"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestResponse_RequestIsThatOfABrowser(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithRedirectURI("https://app.example/cb?app=1"))
	post := signIn(t, s, "adelev@contoso.com").Request()
	body, err := io.ReadAll(post.Body)
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatal(err)
	}
	if post.Method != http.MethodPost || post.URL.String() != redirectURI || post.Host != "app.example" || form.Get("state") != "the-state" {
		t.Errorf("%s %s %v", post.Method, post.URL, form)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://login.entra.test", "Sec-Fetch-Site": "cross-site",
		"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
	} {
		if got := post.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	get := signIn(t, s, "adelev@contoso.com", "response_mode=query", "redirect_uri=https://app.example/cb?app=1").Request()
	if q := get.URL.Query(); get.Method != http.MethodGet || q.Get("app") != "1" || q.Get("code") == "" || get.URL.Path != "/cb" || get.Header.Get("Origin") != "" {
		t.Errorf("%s %s", get.Method, get.URL)
	}
}
