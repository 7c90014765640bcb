package authority

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// A response of the token endpoint is read like by encoding/json with exact names. A response that
// cannot be read has no token. An ID token that is changed for MSAL keeps its header and signature.
func FuzzTokenResponse(f *testing.F) {
	for _, seed := range []string{
		`{"access_token":"a","id_token":"h.e30.s","client_info":"eyJ1aWQiOiJ1IiwidXRpZCI6InQifQ","scope":"openid User.Read"}`,
		`{"error":"invalid_grant","suberror":"basic_action","error_codes":[50079,"x"],"claims":"{}","correlation_id":"c"}`,
		`{"error":"invalid_grant","error_codes":[1,2]}`, `{"access_token":""}`, `{"access_token":null}`, `{"access_token":1,"access_token":"a"}`, `{"Access_Token":"a"}`,
		`{"client_info":"!!"}`, `{"client_info":"e30="}`, `[]`, ``, `{"error":"a"}{"error":"b"}`, `{"error":"\u0061\ud800"}`, `{"id_token":"a.eyJuYW1lIjoxfQ.b"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r := tokenResponseOf([]byte(body))
		r.declined([]string{"openid", "User.Read"})
		if account, ok := r.account(); ok && (account.ObjectID == "" || account.TenantID == "") {
			t.Fatalf("an account without a name: %q", body)
		}
		if readable := readableIDToken(r.IDToken).raw; strings.Count(r.IDToken, ".") == 2 {
			before, after := strings.Split(r.IDToken, "."), strings.Split(readable, ".")
			if len(after) != 3 || before[0] != after[0] || before[2] != after[2] || readableIDToken(readable).raw != readable {
				t.Fatalf("%q became %q", r.IDToken, readable)
			}
		}
		var want map[string]any
		if json.Unmarshal([]byte(body), &want) != nil || want == nil {
			if r.accessToken != nil || r.Error != "" || r.IDToken != "" || r.ClientInfo != "" {
				t.Fatalf("%q is read as %+v", body, r)
			}
			return
		}
		token, _ := want["access_token"].(string)
		if (r.accessToken != nil) != (token != "") {
			t.Fatalf("%q has an access token: %t", body, r.accessToken != nil)
		}
		for name, got := range map[string]string{"error": r.Error, "id_token": r.IDToken, "client_info": r.ClientInfo, "scope": r.Scope, "claims": r.Claims} {
			if text, _ := want[name].(string); text != got && utf8.ValidString(body) {
				t.Fatalf("%q: %s is read as %q", body, name, got)
			}
		}
	})
}
