package fibermsal_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

// A response for another user, or for no user, is not used (threat G6).
func TestG6_ResponsesOnBehalfOfAnotherCallerAreNotUsed(t *testing.T) {
	const genuine = http.StatusOK
	for name, row := range map[string]struct {
		change func(body, other map[string]any)
		status int
	}{
		"the other's":                        {func(body, other map[string]any) { clear(body); maps.Copy(body, other) }, 503},
		"the other's client_info":            {func(body, other map[string]any) { body["client_info"] = other["client_info"] }, 503},
		"the other's id_token":               {func(body, other map[string]any) { body["id_token"] = other["id_token"] }, 503},
		"the other's, without id_token":      {func(body, other map[string]any) { clear(body); maps.Copy(body, other); delete(body, "id_token") }, 503},
		"the other's id_token alone":         {func(body, other map[string]any) { body["id_token"] = other["id_token"]; delete(body, "client_info") }, 503},
		"about nobody":                       {func(body, _ map[string]any) { delete(body, "id_token"); delete(body, "client_info") }, 503},
		"with a client_info that is garbage": {func(body, _ map[string]any) { body["client_info"] = "!"; delete(body, "id_token") }, 503},
		"with an id_token that is garbage":   {func(body, _ map[string]any) { body["id_token"] = "a.b.c" }, 503},
		"with an id_token of another app":    {func(body, _ map[string]any) { body["id_token"] = forged(fmt.Sprint(body["id_token"])) }, 503},
		"genuine":                            {func(_, _ map[string]any) {}, genuine},
		"genuine, without id_token":          {func(body, _ map[string]any) { delete(body, "id_token") }, genuine},
		"genuine, without client_info":       {func(body, _ map[string]any) { delete(body, "client_info") }, genuine},
		"genuine, of a guest":                {func(body, _ map[string]any) { body["client_info"] = clientInfo("their-id-at-home", "their-home") }, genuine},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLedger()
				idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
				s, other := newCallee(t, idp, onLedger(l)), map[string]any{}
				idp.TamperTokenResponse(func(_ string, body map[string]any) { maps.Copy(other, body) })
				s.call("/api/graph", idp.Issue(alex, apiScope))
				idp.TamperTokenResponse(func(_ string, body map[string]any) { row.change(body, other) })
				stored, token := len(l.keys()), idp.Issue(adele, apiScope)
				for range 10 {
					if a := s.call("/api/graph", token); a.StatusCode != row.status || (a.Text == adele) != (row.status == genuine) {
						t.Fatalf("%d %s\n%s", a.StatusCode, a.Text, s.log)
					}
				}
				if n := len(exchanges(idp)); n != 2 || (len(l.keys()) > stored) != (row.status == genuine) {
					t.Errorf("%d token calls, %v is stored", n, l.keys())
				}
				idp.TamperTokenResponse(nil)
				time.Sleep(6 * time.Second)
				s.serves(token)
			})
		})
	}
}

// clientInfo returns the client_info of an account in its home tenant.
func clientInfo(user, tenant string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"` + user + `","utid":"` + tenant + `"}`))
}

// forged returns a token with another payload and the same signature.
func forged(token string) string {
	parts := strings.Split(token, ".")
	payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
	changed := strings.Replace(string(payload), `"aud":"`, `"aud":"x`, 1)
	return parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(changed)) + "." + parts[2]
}
