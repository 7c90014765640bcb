package entratest_test

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden from what the server says")

// volatile are the members whose values differ each time; their presence, place and JSON type still count.
var volatile = regexp.MustCompile(`"(kid|x5t|n|timestamp|trace_id|correlation_id|date|request-id|client-request-id|access_token|refresh_token|id_token)":"[^"]*"`)

var (
	volatileChain = regexp.MustCompile(`"x5c":\["[^"]*"\]`)
	volatileTrace = regexp.MustCompile(`Trace ID: \S+ Correlation ID: \S+ Timestamp: \S+ [^"]+`)
)

func normalise(body string) []byte {
	out := volatile.ReplaceAllString(body, `"$1":"…"`)
	out = volatileChain.ReplaceAllString(out, `"x5c":["…"]`)
	return []byte(volatileTrace.ReplaceAllString(out, "Trace ID: … Correlation ID: … Timestamp: …") + "\n")
}

func compare(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestGolden_ShapesAreThoseOnRecord(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	bearer := "Authorization: Bearer " + s.Issue("AdeleV@contoso.com")
	groups := s.Issue("AdeleV@contoso.com", "User.Read", "GroupMember.Read.All")
	answers := map[string]struct {
		answer
		status int
	}{
		"discovery":         {get(t, s, s.Authority+"/v2.0/.well-known/openid-configuration?"), 200},
		"discovery-common":  {get(t, s, "https://login.entra.test/common/v2.0/.well-known/openid-configuration"), 200},
		"discovery-unknown": {get(t, s, "https://login.entra.test/fabrikam.com/v2.0/.well-known/openid-configuration"), 400},
		"instance":          {get(t, s, "https://login.entra.test/common/discovery/instance?api-version=1.1&authorization_endpoint="+s.Authority+"/oauth2/v2.0/authorize"), 200},
		"instance-unknown":  {get(t, s, "https://login.entra.test/common/discovery/instance?api-version=1.1&authorization_endpoint=https://evil.example/x/oauth2/v2.0/authorize"), 400},
		"keys":              {get(t, s, s.Authority+"/discovery/v2.0/keys"), 200},
		"token":             {redeem(t, s, codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"))), 200},
		"token-error":       {redeem(t, s, codeForm(s, "1.x")), 400},
		"token-consent":     {redeem(t, s, codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"), "scope=Mail.Read")), 400},
		"token-app":         {redeem(t, s, appForm(s)), 200},
		"token-context":     {redeem(t, s, codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"), "claims="+demandC1)), 400},
		"keys-common":       {get(t, s, "https://login.entra.test/common/discovery/v2.0/keys"), 200},
		"member-objects":    {postJSON(t, s, "/me/getMemberObjects", groups, `{"securityEnabledOnly":true}`), 200},
		"member-of":         {get(t, s, s.GraphURL+"/me/transitiveMemberOf?$count=true", "Authorization: Bearer "+groups, "ConsistencyLevel: eventual"), 200},
		"member-of-bare":    {get(t, s, s.GraphURL+"/me/transitiveMemberOf", bearer), 200},
		"me":                {get(t, s, s.GraphURL+"/me", bearer), 200},
		"me-select":         {get(t, s, s.GraphURL+"/me?$select=displayName,mail", bearer), 200},
		"me-nulls":          {get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+s.Issue("JohannaL@contoso.com")), 200},
		"me-unauthorized":   {get(t, s, s.GraphURL+"/me"), 401},
		"me-forbidden":      {get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+s.Issue("AdeleV@contoso.com", "Mail.Read")), 403},
		"manager":           {get(t, s, s.GraphURL+"/me/manager", bearer), 200},
		"manager-none":      {get(t, s, s.GraphURL+"/me/manager", "Authorization: Bearer "+s.Issue("PattiF@contoso.com")), 404},
		"photo-none":        {get(t, s, s.GraphURL+"/me/photo/$value", "Authorization: Bearer "+s.Issue("IsaiahL@contoso.com")), 404},
	}
	for name, got := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got.StatusCode != got.status {
				t.Errorf("status %d, want %d", got.StatusCode, got.status)
			}
			compare(t, name, normalise(got.body))
		})
	}
}

func TestGolden_HeadersAreThoseOnRecord(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const id = "11111111-2222-4333-8444-555555555555"
	token := post(t, s, s.Authority+"/oauth2/v2.0/token", "", "client-request-id: "+id)
	me := get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+s.Issue("AdeleV@contoso.com"), "client-request-id: "+id)
	keys := get(t, s, s.Authority+"/discovery/v2.0/keys")
	for _, want := range []struct {
		from        answer
		name, value string // an empty value means any
	}{
		{token, "Cache-Control", "no-store, no-cache"},
		{token, "Pragma", "no-cache"},
		{token, "Content-Type", "application/json; charset=utf-8"},
		{token, "x-ms-request-id", ""},
		{me, "client-request-id", id},
		{me, "request-id", ""},
		{me, "OData-Version", "4.0"},
		{me, "Content-Type", "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"},
		{me, "Cache-Control", "no-cache"},
		{keys, "Cache-Control", "max-age=86400, private"},
		{keys, "Access-Control-Allow-Origin", "*"},
	} {
		if got := want.from.Header.Get(want.name); got == "" || (want.value != "" && got != want.value) {
			t.Errorf("%s: %q, want %q", want.name, got, want.value)
		}
	}
	if token.json(t)["correlation_id"] != id || token.StatusCode != http.StatusBadRequest {
		t.Error("the correlation id is not the client's")
	}
}
