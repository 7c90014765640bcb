package fibermsal_test

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// newCallee returns an API whose callers have consented to the APIs that it calls on their behalf.
func newCallee(t *testing.T, idp *entratest.Server, change ...func(*fibermsal.Config)) apiSite {
	t.Helper()
	idp.GrantAdminConsent("User.Read", "openid", "profile")
	return newAPI(t, idp, change...)
}

// tokenOwner answers with the user of the caller's token for scopes, or for those of Config.
func tokenOwner(idp *entratest.Server, scopes ...string) fiber.Handler {
	return func(c *fiber.Ctx) error {
		token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: scopes})
		if err != nil {
			return err
		}
		owner, _ := idp.TokenUser(token.Token)
		return c.SendString(owner)
	}
}

// exchanges returns the on-behalf-of calls that an emulator has received.
func exchanges(idp *entratest.Server) (calls []entratest.Request) {
	for _, r := range idp.Requests(entratest.Token) {
		if strings.HasSuffix(r.Form.Get("grant_type"), "jwt-bearer") {
			calls = append(calls, r)
		}
	}
	return calls
}

// tell changes the lifetime of on-behalf-of tokens in Entra's responses to the app.
func tell(idp *entratest.Server, life, refresh time.Duration) {
	idp.TamperTokenResponse(func(grant string, body map[string]any) {
		if !strings.HasSuffix(grant, "jwt-bearer") {
			return
		}
		body["expires_in"] = int(life / time.Second)
		if refresh > 0 {
			body["refresh_in"] = int(refresh / time.Second)
		}
	})
}

// storm lets fifty clients call a route of each API simultaneously, and counts the responses by status.
// A response with another user's token has the status 0.
func storm(path, token, user string, apis ...apiSite) map[int]int {
	var wait sync.WaitGroup
	var mu sync.Mutex
	answers := map[int]int{}
	for range 50 {
		for _, s := range apis {
			wait.Go(func() {
				a := s.call(path, token)
				status := a.StatusCode
				if status == http.StatusOK && a.Text != user {
					status = 0
				}
				mu.Lock()
				defer mu.Unlock()
				answers[status]++
			})
		}
	}
	wait.Wait()
	return answers
}

var claimsParameter = regexp.MustCompile(`, claims="([^"]*)"`)

// claimsOf returns the claims that a challenge requires, as MSAL decodes them.
func claimsOf(t *testing.T, a *answer) string {
	t.Helper()
	found := claimsParameter.FindStringSubmatch(a.Header.Get("WWW-Authenticate"))
	if found == nil {
		return ""
	}
	decoded, err := base64.StdEncoding.DecodeString(found[1])
	if err != nil {
		t.Error(err)
	}
	return string(decoded)
}
