package entratest_test

import (
	"net/http/httptest"
	"testing"
)

func TestHandler_ServesEveryServiceAtOneAddress(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	front := httptest.NewServer(s.Handler())
	t.Cleanup(front.Close)
	for path, want := range map[string]int{
		"/common/v2.0/.well-known/openid-configuration": 200, "/common/discovery/v2.0/keys": 200, "/v1.0/me": 401, "/": 404, "/common/login": 400,
	} {
		response, err := front.Client().Get(front.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		if _ = response.Body.Close(); response.StatusCode != want {
			t.Errorf("%s gives %d, want %d", path, response.StatusCode, want)
		}
	}
}
