package entratest_test

import (
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestHosts_CanBeThoseOfProduction(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithHosts("login.microsoftonline.com", "graph.microsoft.com"))
	client := newClient(t, s)
	token := acquire(t, s, client, "adelev@contoso.com").AccessToken
	if a := get(t, s, "https://graph.microsoft.com/v1.0/me", "Authorization: Bearer "+token); a.StatusCode != 200 {
		t.Error(a.body)
	}
}
