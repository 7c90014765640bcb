package entratest_test

import (
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestFault_AnswersWithAnErrorOfEntra(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.Fault(entratest.Token, entratest.Fault{Times: 1, OAuth: &entratest.OAuthError{
		Error: "interaction_required", Suberror: "basic_action", Codes: []int{50076}, Claims: `{"access_token":{}}`,
	}})
	a := redeem(t, s, "")
	wantError(t, a, 400, "interaction_required", 50076, "basic_action")
	if a.json(t)["claims"] != `{"access_token":{}}` {
		t.Error(a.body)
	}
}
