package entratest_test

import (
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/fibermsal/fibermsal/entratest"
)

// accepts reports whether go-oidc accepts an access token of version 2, as its API would.
func accepts(t *testing.T, s *entratest.Server, raw string) bool {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), s.HTTPClient)
	provider, err := oidc.NewProvider(ctx, s.Authority+"/v2.0")
	if err != nil {
		t.Fatal(err)
	}
	_, err = provider.VerifierContext(ctx, &oidc.Config{ClientID: ordersID}).Verify(ctx, raw)
	return err == nil
}

func TestTamperAccessToken_MakesTokensThatAnAPIMustRefuse(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]func(*entratest.AccessToken){
		"alg none":       (*entratest.AccessToken).Unsign,
		"bad signature":  (*entratest.AccessToken).Corrupt,
		"RS512":          (*entratest.AccessToken).SignRS512,
		"foreign key":    func(a *entratest.AccessToken) { a.SignRS256(testKeys()[0]) },
		"public key":     func(a *entratest.AccessToken) { a.SignHS256(a.PublicKey.N.Bytes()) },
		"other audience": func(a *entratest.AccessToken) { a.Claims["aud"] = "other" },
		"expired":        func(a *entratest.AccessToken) { a.Claims["exp"] = 1 },
		"raw":            func(a *entratest.AccessToken) { a.Raw = "not.a.token" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, withOwnAPI(2))
			s.TamperAccessToken(tamper)
			if raw := s.Issue(adeleName, ordersURI+"/Orders.Read"); accepts(t, s, raw) {
				t.Errorf("go-oidc accepts %s", raw)
			}
			if graph := graphGet(t, s, adeleName, "/me"); graph.StatusCode != 200 {
				t.Errorf("tokens for Graph are changed, too: %s", graph.body)
			}
			s.TamperAccessToken(nil)
			if !accepts(t, s, s.Issue(adeleName, ordersURI+"/Orders.Read")) {
				t.Error("the server does not recover")
			}
		})
	}
}

// An agent's token is one with further claims.
func TestTamperAccessToken_KnowsTheUserAndTheAPI(t *testing.T) {
	t.Parallel()
	s := newServer(t, withOwnAPI(2))
	s.TamperAccessToken(func(a *entratest.AccessToken) {
		if a.User.UPN == adeleName && a.API == ordersURI {
			a.Claims["xms_act_fct"] = "11"
		}
		s.TokenUser("x") // the emulator may be asked meanwhile
	})
	if got := claims(t, s.Issue(adeleName, ordersURI+"/Orders.Read")); got["xms_act_fct"] != "11" {
		t.Errorf("%v", got)
	}
	for _, raw := range []string{
		s.Issue("LeeG@contoso.com", ordersURI+"/Orders.Read"), s.Issue(adeleName, ownScope),
		text(t, redeem(t, s, appForm(s, "scope="+ordersURI+"/.default")).json(t)["access_token"]),
	} {
		if got := claims(t, raw); got["xms_act_fct"] != nil {
			t.Errorf("%v", got)
		}
	}
}
