package entratest_test

import (
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestTamperTokenResponse_ChangesTheAnswer(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithRefreshIn(30*time.Minute))
	s.TamperTokenResponse(func(grant string, body map[string]any) {
		if grant == "refresh_token" {
			body["client_info"] = "forged"
			delete(body, "refresh_token")
		}
	})
	body := tokens(t, s, "adelev@contoso.com")
	if body["refresh_in"] != 1800.0 {
		t.Errorf("refresh_in is %v", body["refresh_in"])
	}
	renewed := redeem(t, s, refreshForm(s, text(t, body["refresh_token"]))).json(t)
	if _, got := renewed["refresh_token"]; got || renewed["client_info"] != "forged" {
		t.Errorf("the answer is %v", renewed)
	}
}
