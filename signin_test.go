package fibermsal_test

import (
	"net/http"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

const brokenRandomness = "X"

func serveWithoutRandomness() int { return 0 }

func tokenRequest() policy.TokenRequestOptions { return policy.TokenRequestOptions{} }

func TestSignIn_ShowsWhoIsSignedInAndGivesTheirToken(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	if b.user() != "" {
		t.Fatal("somebody is signed in already")
	}
	a := b.signIn(adele)
	if a.location() != "/" {
		t.Errorf("Location = %q", a.location())
	}
	if got := b.user(); got != adele {
		t.Errorf("signed in: %q", got)
	}
	if a := b.get("/token"); a.StatusCode != http.StatusOK || a.body != adele {
		t.Errorf("token: %d %q\n%s", a.StatusCode, a.body, b.log)
	}
	a = b.do(request(http.MethodPost, "/user/logout", ""))
	t.Log(a.StatusCode, a.location())
	if b.user() != "" {
		t.Error("still signed in")
	}
	t.Log(b.get("/guarded").body, b.navigate("/guarded?x=1").location())
	t.Log(b.log)
}
