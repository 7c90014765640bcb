package entratest_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// basic is the header of RFC 6749, 2.3.1: id and secret are form-urlencoded before they are joined.
func basic(id, secret string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func TestBasic_AuthenticatesTheClient(t *testing.T) {
	t.Parallel()
	const secret = "s~p a/c+e%:=&ö"
	s := newServer(t, entratest.WithClientSecret(secret))
	header := basic(s.ClientID, secret)
	for name, changes := range map[string][]string{
		"alone":                       {"client_id=", "client_secret="},
		"beside the client_id":        {"client_secret="},
		"id in upper case, in a form": {"client_secret=", "client_id=" + strings.ToUpper(s.ClientID)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			form := codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"), changes...)
			a := post(t, s, s.Authority+"/oauth2/v2.0/token", form, header)
			if a.StatusCode != http.StatusOK {
				t.Fatal(a.body)
			}
			if _, encoded, _ := strings.Cut(header, "Basic "); !slices.Contains(s.Secrets(), encoded) {
				t.Error("the header is not among the secrets")
			}
		})
	}
}

func TestBasic_IsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const unencoded = "Authorization: Basic "
	for name, tt := range map[string]struct {
		header  string
		changes []string
		status  int
		oauth   string
		code    int
	}{
		"wrong secret":                {basic(s.ClientID, "wrong"), nil, 401, "invalid_client", 7000215},
		"no secret":                   {basic(s.ClientID, ""), nil, 401, "invalid_client", 7000218},
		"another client":              {basic("99990000-aaaa-2222-bbbb-3333cccc4444", s.ClientSecret), nil, 400, "unauthorized_client", 700016},
		"two methods":                 {basic(s.ClientID, s.ClientSecret), []string{"client_secret=" + s.ClientSecret}, 400, "invalid_request", 9002313},
		"and an assertion":            {basic(s.ClientID, s.ClientSecret), []string{"client_assertion=x"}, 400, "invalid_request", 9002313},
		"another client in the form":  {basic(s.ClientID, s.ClientSecret), []string{"client_id=99990000-aaaa-2222-bbbb-3333cccc4444"}, 400, "invalid_request", 9002313},
		"not base64":                  {unencoded + "%%%", nil, 400, "invalid_request", 9002313},
		"no colon":                    {unencoded + base64.StdEncoding.EncodeToString([]byte("x")), nil, 400, "invalid_request", 9002313},
		"malformed percent in the id": {unencoded + base64.StdEncoding.EncodeToString([]byte("%zz:x")), nil, 400, "invalid_request", 9002313},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			changes := append([]string{"client_id=", "client_secret="}, tt.changes...)
			a := post(t, s, s.Authority+"/oauth2/v2.0/token", codeForm(s, "1.x", changes...), tt.header)
			wantError(t, a, tt.status, tt.oauth, tt.code, "")
			if challenge := a.Header.Get("WWW-Authenticate"); (tt.status == 401) != strings.HasPrefix(challenge, "Basic ") { // RFC 6749, 5.2
				t.Errorf("challenge %q", challenge)
			}
		})
	}
	if a := post(t, s, s.Authority+"/oauth2/v2.0/token", codeForm(s, "1.x", "client_secret=wrong")); a.Header.Get("WWW-Authenticate") != "" {
		t.Error("a client that sent no header is challenged for one")
	}
}
