package authority_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/msalcache"
)

const (
	clientID     = "00001111-aaaa-2222-bbbb-3333cccc4444"
	tenant       = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	authorityURL = "https://Login.Entra.test/" + tenant
)

// entra answers a token request with a fixed response, in which "code" stands for the code.
type entra struct{ response string }

func (e entra) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.ParseForm(); err != nil {
		return nil, err
	}
	body := strings.ReplaceAll(e.response, "code", r.PostForm.Get("code"))
	if r.Method == http.MethodGet {
		body = fmt.Sprintf(`{"issuer":"https://login.entra.test/%s/v2.0","authorization_endpoint":"https://login.entra.test/authorize",`+
			`"token_endpoint":"https://login.entra.test/token","jwks_uri":"https://login.entra.test/keys"}`, tenant)
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// Do and CloseIdleConnections implement MSAL's HTTP client.
func (e entra) Do(r *http.Request) (*http.Response, error) { return e.RoundTrip(r) }
func (e entra) CloseIdleConnections()                      {}

func encoded(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func jwt(claims string) string {
	return encoded(`{"alg":"RS256"}`) + "." + encoded(claims) + ".c2lnbmF0dXJl"
}

// response is a token response with some fields changed. An empty value removes a field.
func response(changes map[string]string) string {
	fields := map[string]string{
		"token_type": `"Bearer"`, "scope": `"User.Read profile openid email"`, "expires_in": "4800", "ext_expires_in": "9600",
		"access_token": `"access.token.secret"`, "refresh_token": `"1.refresh-token_secret"`,
		"id_token":    strconv.Quote(jwt(`{"oid":"o","sub":"s","preferred_username":"adele@entra.test"}`)),
		"client_info": strconv.Quote(encoded(`{"uid":"O","utid":"U"}`)),
	}
	for name, value := range changes {
		fields[name] = value
	}
	raw := map[string]json.RawMessage{}
	for name, value := range fields {
		if value != "" {
			raw[name] = json.RawMessage(value)
		}
	}
	text, _ := json.Marshal(raw)
	return string(text)
}

var grants = map[string]map[string]string{
	"usual":                      {},
	"no scope":                   {"scope": ""},
	"no refresh token":           {"refresh_token": ""},
	"a time to renew":            {"refresh_in": "2400"},
	"a life of minutes":          {"expires_in": "240"},
	"texts for times":            {"expires_in": `"4800"`, "ext_expires_in": `"5000"`, "refresh_in": `"2400"`},
	"no extended life":           {"ext_expires_in": ""},
	"an absolute time":           {"expires_on": "33000000000"},
	"a family":                   {"foci": `"1"`},
	"another type":               {"token_type": `"pop"`},
	"a type in lower case":       {"token_type": `"bearer"`},
	"other members":              {"correlation_id": `"c"`, "own": `{"a":[1,2]}`},
	"escapes":                    {"access_token": `"a\u0061\"\/<>&\u00e4"`, "refresh_token": `"\u2028<"`},
	"no user name":               {"id_token": strconv.Quote(jwt(`{"oid":"o","sub":"s"}`))},
	"a UPN only":                 {"id_token": strconv.Quote(jwt(`{"sub":"s","upn":"upn@entra.test"}`))},
	"a user name of other signs": {"id_token": strconv.Quote(jwt(`{"oid":"O-1","preferred_username":"\"<ä>\" \u2028&\\","upn":"u"}`))},
	"names that are no text":     {"id_token": strconv.Quote(jwt(`{"oid":"o","sub":"s","name":{"a":1},"email":["e"],"preferred_username":5,"upn":"u"}`))},
}

// The stored tokens of a sign-in are also read by an app's own MSAL client, and by earlier versions.
func TestRedeem_StoresWhatMSALWould(t *testing.T) {
	t.Parallel()
	for name, changes := range grants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := redeemed(t, response(changes))
			readable := changes
			if name == "names that are no text" { // trap M8
				readable = map[string]string{"id_token": strconv.Quote(jwt(`{"oid":"o","sub":"s","upn":"u"}`))}
			}
			want := byMSAL(t, response(readable))
			bringTimesTogether(got, want)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("stored\n%v\nMSAL stores\n%v", got, want)
			}
		})
	}
}

func redeemed(t *testing.T, response string) map[string]any {
	t.Helper()
	return decoded(t, redeem(t, newClient(response), "code").Tokens.Content())
}

func newClient(response string) *authority.Client {
	return authority.New(authority.Options{
		Authority: authorityURL, Tenant: tenant, ClientID: clientID, RedirectURI: "https://app.test/callback",
		Scopes:      authority.NewScopes("https://graph.entra.test", "https://graph.entra.test/v1.0", []string{"User.Read"}),
		Credentials: []authority.ClientCredential{authority.Secret("secret")}, Transport: entra{response},
		Background: background.New(slog.New(slog.DiscardHandler)),
	})
}

func redeem(t *testing.T, c *authority.Client, code string) *authority.Grant {
	t.Helper()
	grant, err := c.Redeem(t.Context(), code, "verifier", []string{"User.Read"}, func() error { return nil })
	if err != nil || grant.Failure != nil {
		t.Error(err, grant.Failure)
		return &authority.Grant{Tokens: msalcache.NewMemory(nil)}
	}
	return grant
}

// A session whose id_token MSAL cannot decode would be of no use to an MSAL client of the app.
func TestRedeem_RefusesWhatMSALRefuses(t *testing.T) {
	t.Parallel()
	for name, changes := range map[string]map[string]string{
		"several audiences":              {"id_token": strconv.Quote(jwt(`{"oid":"o","aud":["a","b"]}`))},
		"an object ID that is no text":   {"id_token": strconv.Quote(jwt(`{"oid":5}`))},
		"the same in capitals":           {"id_token": strconv.Quote(jwt(`{"Oid":5}`))},
		"a fraction":                     {"id_token": strconv.Quote(jwt(`{"oid":"o","exp":1.5}`))},
		"a time in another spelling":     {"id_token": strconv.Quote(jwt(`{"oid":"o","iat":1e9}`))},
		"a time as a text":               {"id_token": strconv.Quote(jwt(`{"oid":"o","nbf":"1"}`))},
		"no life":                        {"expires_in": ""},
		"a life that is no number":       {"expires_in": `"long"`},
		"a refresh token of a list":      {"refresh_token": `["r"]`},
		"an access token of a number":    {"access_token": "5"},
		"no access token":                {"access_token": ""},
		"an access token in capitals":    {"access_token": "", "Access_Token": `"a"`},
		"an extended life of an object":  {"ext_expires_in": "{}"},
		"a type that is no text":         {"token_type": "5"},
		"declined":                       {"scope": `"Mail.Read"`},
		"no account":                     {"client_info": ""},
		"an account that is not encoded": {"client_info": `"?"`},
	} {
		grant, err := newClient(response(changes)).Redeem(t.Context(), "code", "verifier", []string{"User.Read"}, func() error { return nil })
		if err != nil || grant.Failure == nil || grant.Tokens != nil {
			t.Errorf("%s: %v, %+v", name, err, grant)
		}
	}
}

// Traps M1 and M2: MSAL clients are kept from one sign-in to the next.
func TestRedeem_MixesNoUsers(t *testing.T) {
	t.Parallel()
	c := newClient(response(map[string]string{"access_token": `"at-code"`, "refresh_token": `"rt-code"`}))
	var wait sync.WaitGroup
	for worker := range 8 {
		wait.Go(func() {
			for i := range 100 {
				code := fmt.Sprintf("0.%d-%d.", worker, i)
				content := string(redeem(t, c, code).Tokens.Content())
				for _, token := range []string{"at-", "rt-"} {
					if strings.Count(content, token) != 1 || !strings.Contains(content, `"`+token+code+`"`) {
						t.Errorf("stored for the code %s: %s", code, content)
					}
				}
			}
		})
	}
	wait.Wait()
}

// byMSAL returns the cache of an MSAL client that makes the call without the library. Empty sections
// are left out.
func byMSAL(t *testing.T, response string) map[string]any {
	t.Helper()
	credential, err := confidential.NewCredFromSecret("secret")
	if err != nil {
		t.Fatal(err)
	}
	stored := msalcache.NewMemory(nil)
	client, err := confidential.New(authorityURL, clientID, credential, confidential.WithHTTPClient(entra{response}),
		confidential.WithInstanceDiscovery(false), confidential.WithCache(msalcache.New(stored)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.AcquireTokenByAuthCode(context.Background(), "code", "https://app.test/callback", []string{"User.Read"}); err != nil {
		t.Fatal(err)
	}
	cache := decoded(t, stored.Content())
	maps.DeleteFunc(cache, func(_ string, section any) bool { return len(section.(map[string]any)) == 0 })
	return cache
}

func decoded(t *testing.T, content []byte) map[string]any {
	t.Helper()
	var cache map[string]any
	if err := json.Unmarshal(content, &cache); err != nil {
		t.Fatalf("%v in %s", err, content)
	}
	return cache
}

// bringTimesTogether makes times equal that differ by seconds because there were two calls.
func bringTimesTogether(one, other map[string]any) {
	for name, value := range one {
		switch value := value.(type) {
		case map[string]any:
			if same, ok := other[name].(map[string]any); ok {
				bringTimesTogether(value, same)
			}
		case string:
			text, _ := other[name].(string)
			here, err := strconv.ParseInt(value, 10, 64)
			there, failed := strconv.ParseInt(text, 10, 64)
			if err == nil && failed == nil && here-there >= -5 && here-there <= 5 {
				one[name] = text
			}
		}
	}
}
