package entratest_test

import (
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestAuthorize_IgnoresOnlyThePortOfLocalhost(t *testing.T) {
	t.Parallel()
	s := entratest.New(entratest.WithRedirectURI("http://localhost/cb", "http://127.0.0.1:80/cb", "http://app.localhost:3000/cb"))
	for uri, want := range map[string]bool{
		"http://localhost:3000/cb": true, "http://localhost/cb": true, "http://localhost:3000/other": false, "https://localhost:3000/cb": false,
		"http://localhost:3000@evil.example/cb": false, "http://localhost:evil/cb": false,
		"http://127.0.0.1:81/cb": false, "http://app.localhost:3000/cb": true, "http://app.localhost:3001/cb": false,
	} {
		_, err := s.SignIn(authorizeURL(s, "redirect_uri="+uri), "adelev@contoso.com")
		if (err == nil) != want {
			t.Errorf("%s: %v", uri, err)
		}
	}
}
