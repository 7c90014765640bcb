package entratest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"

	"github.com/fibermsal/fibermsal/entratest"
)

const (
	redirectURI = "https://app.example/user/authorized"
	verifier    = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B
	s256        = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

var graphScope = []string{"User.Read"}

func newServer(t *testing.T, opts ...entratest.Option) *entratest.Server {
	t.Helper()
	s := entratest.New(append([]entratest.Option{entratest.WithRedirectURI(redirectURI)}, opts...)...)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func newClient(t *testing.T, s *entratest.Server, opts ...confidential.Option) confidential.Client {
	t.Helper()
	credential, err := confidential.NewCredFromSecret(s.ClientSecret)
	if err != nil {
		t.Fatal(err)
	}
	opts = append([]confidential.Option{confidential.WithHTTPClient(s.HTTPClient), confidential.WithInstanceDiscovery(false)}, opts...)
	client, err := confidential.New(s.Authority, s.ClientID, credential, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// authorizeURL is the URL that an app redirects to. Changes are "name=value"; an empty value removes.
func authorizeURL(s *entratest.Server, changes ...string) string {
	v := url.Values{
		"client_id": {s.ClientID}, "response_type": {"code"}, "redirect_uri": {redirectURI}, "response_mode": {"form_post"},
		"scope": {"openid profile offline_access User.Read"}, "state": {"the-state"}, "nonce": {"the-nonce"},
		"code_challenge": {s256}, "code_challenge_method": {"S256"},
	}
	return s.Authority + "/oauth2/v2.0/authorize?" + change(v, changes...).Encode()
}

func signIn(t *testing.T, s *entratest.Server, login string, changes ...string) *entratest.Response {
	t.Helper()
	r, err := s.SignIn(authorizeURL(s, changes...), login)
	if err != nil {
		t.Fatal(err)
	}
	if e := r.Values.Get("error"); e != "" {
		t.Fatalf("sign-in failed: %v", r.Values)
	}
	return r
}

func acquire(t *testing.T, s *entratest.Server, client confidential.Client, login string) confidential.AuthResult {
	t.Helper()
	r := signIn(t, s, login)
	result, err := client.AcquireTokenByAuthCode(t.Context(), r.Values.Get("code"), redirectURI, graphScope, confidential.WithChallenge(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// answer is an HTTP answer with its body read.
type answer struct {
	*http.Response
	body string
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.body), &v); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	return v
}

// do sends a request without following redirects.
func do(t *testing.T, client *http.Client, r *http.Request) answer {
	t.Helper()
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := own.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response, string(body)}
}

func get(t *testing.T, s *entratest.Server, target string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return do(t, s.HTTPClient, r)
}

func post(t *testing.T, s *entratest.Server, target, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return do(t, s.HTTPClient, r)
}

// change applies "name=value" to a form; an empty value removes, "+name=value" adds a second.
func change(v url.Values, changes ...string) url.Values {
	for _, one := range changes {
		name, value, _ := strings.Cut(one, "=")
		switch more, add := strings.CutPrefix(name, "+"); {
		case add:
			v.Add(more, value)
		case value == "":
			v.Del(name)
		default:
			v.Set(name, value)
		}
	}
	return v
}

// codeForm redeems a code of a fresh sign-in as MSAL Go does it.
func codeForm(s *entratest.Server, code string, changes ...string) string {
	return change(url.Values{
		"client_id": {s.ClientID}, "client_secret": {s.ClientSecret}, "grant_type": {"authorization_code"}, "code": {code},
		"code_verifier": {verifier}, "redirect_uri": {redirectURI}, "client_info": {"1"},
		"scope": {"User.Read openid offline_access profile"},
	}, changes...).Encode()
}

func refreshForm(s *entratest.Server, token string, changes ...string) string {
	return change(url.Values{
		"client_id": {s.ClientID}, "client_secret": {s.ClientSecret}, "grant_type": {"refresh_token"}, "refresh_token": {token},
		"client_info": {"1"}, "scope": {"User.Read openid offline_access profile"},
	}, changes...).Encode()
}

// redeem sends a form to the token endpoint.
func redeem(t *testing.T, s *entratest.Server, form string) answer {
	t.Helper()
	return post(t, s, s.Authority+"/oauth2/v2.0/token", form)
}

// tokens signs in and redeems the code.
func tokens(t *testing.T, s *entratest.Server, login string, changes ...string) map[string]any {
	t.Helper()
	a := redeem(t, s, codeForm(s, signIn(t, s, login).Values.Get("code"), changes...))
	if a.StatusCode != http.StatusOK {
		t.Fatal(a.body)
	}
	return a.json(t)
}

func text(t *testing.T, v any) string {
	t.Helper()
	s, ok := v.(string)
	if !ok {
		t.Fatalf("%v is not a string", v)
	}
	return s
}

func wantError(t *testing.T, a answer, status int, oauth string, code int, suberror string) {
	t.Helper()
	body := a.json(t)
	got, _ := body["suberror"].(string)
	codes, _ := body["error_codes"].([]any)
	if a.StatusCode != status || body["error"] != oauth || got != suberror || len(codes) == 0 || codes[0] != float64(code) {
		t.Errorf("got %d %s, want %d %s %d %q", a.StatusCode, a.body, status, oauth, code, suberror)
	}
}
