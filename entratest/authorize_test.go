package entratest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestSignIn_answers_in_the_mode_asked_for(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"form_post", "query", "fragment"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			r := signIn(t, s, "adelev@contoso.com", "response_mode="+mode, "client_info=1")
			if r.Mode != mode || r.RedirectURI != redirectURI {
				t.Errorf("mode %q to %q", r.Mode, r.RedirectURI)
			}
			if r.Values.Get("state") != "the-state" || r.Values.Get("session_state") == "" || r.Values.Get("client_info") == "" {
				t.Errorf("parameters %v", r.Values)
			}
			if code := r.Values.Get("code"); len(code) < 300 || !strings.HasPrefix(code, "1.canary-code-") {
				t.Errorf("code %q", code)
			}
		})
	}
}

func TestResponse_Request_is_what_a_browser_sends(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithRedirectURI("https://app.example/cb?app=1"))
	post := signIn(t, s, "adelev@contoso.com").Request()
	body, err := io.ReadAll(post.Body)
	if err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		t.Fatal(err)
	}
	if post.Method != http.MethodPost || post.URL.String() != redirectURI || post.Host != "app.example" || form.Get("state") != "the-state" {
		t.Errorf("%s %s %v", post.Method, post.URL, form)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://login.entra.test", "Sec-Fetch-Site": "cross-site",
		"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
	} {
		if got := post.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	get := signIn(t, s, "adelev@contoso.com", "response_mode=query", "redirect_uri=https://app.example/cb?app=1").Request()
	if q := get.URL.Query(); get.Method != http.MethodGet || q.Get("app") != "1" || q.Get("code") == "" || get.URL.Path != "/cb" || get.Header.Get("Origin") != "" {
		t.Errorf("%s %s", get.Method, get.URL)
	}
}

func TestCancel_and_Decline_give_their_own_errors(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	cancelled, err := s.Cancel(authorizeURL(s))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"error": {"access_denied"}, "error_subcode": {"cancel"}, "state": {"the-state"}}
	if got := cancelled.Values.Encode(); got != want.Encode() {
		t.Errorf("Cancel gave %s", got)
	}
	declined, err := s.Decline(authorizeURL(s), "adelev@contoso.com")
	if err != nil {
		t.Fatal(err)
	}
	if v := declined.Values; v.Get("error") != "access_denied" || !strings.HasPrefix(v.Get("error_description"), "AADSTS65004: ") || v.Get("error_uri") != "https://login.entra.test/error?code=65004" {
		t.Errorf("Decline gave %v", v)
	}
}

func TestAuthorize_tells_the_app(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, change, oauth, aadsts string }{
		{"without response_type", "response_type=", "invalid_request", "900144"},
		{"implicit flow", "response_type=id_token", "unsupported_response_type", "700054"},
		{"hybrid flow", "response_type=code id_token", "unsupported_response_type", "700054"},
		{"nonsense flow", "response_type=magic", "unsupported_response_type", "70005"},
		{"unknown response_mode", "response_mode=web_message", "invalid_request", "70007"},
		{"without scope", "scope=", "invalid_request", "900144"},
		{"unknown Graph scope", "scope=openid User.Fly", "invalid_client", "650053"},
		{"malformed scope", "scope=openid User%Read", "invalid_scope", "70011"},
		{"unknown resource", "scope=https://other.example/.default", "invalid_resource", "500011"},
		{".default mixed", "scope=https://graph.microsoft.com/.default User.Read", "invalid_scope", "70011"},
		{"short challenge", "code_challenge=abc", "invalid_request", "501491"},
		{"long challenge", "code_challenge=" + s256 + "A", "invalid_request", "501491"},
		{"padded challenge", "code_challenge=" + s256[:42] + "=", "invalid_request", "501491"},
		{"plain challenge", "code_challenge_method=plain", "invalid_request", "90023"},
		{"challenge without method", "code_challenge_method=", "invalid_request", "90023"},
		{"method without challenge", "code_challenge=", "invalid_request", "501491"},
		{"unknown prompt", "prompt=create", "invalid_request", "90023"},
		{"claims that are no JSON", "claims=cp1", "invalid_request", "9002313"},
		{"nobody signed in", "prompt=none", "login_required", "50058"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			r, err := s.SignIn(authorizeURL(s, tt.change), "adelev@contoso.com")
			if err != nil {
				t.Fatal(err)
			}
			v := r.Values
			if v.Get("error") != tt.oauth || !strings.HasPrefix(v.Get("error_description"), "AADSTS"+tt.aadsts+": ") || v.Get("state") != "the-state" || v.Has("code") {
				t.Errorf("got %v", v)
			}
		})
	}
}

func TestAuthorize_tells_only_the_person(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, change string
		login        string
		code         int
	}{
		{"other redirect URI", "redirect_uri=https://evil.example/", "", 50011},
		{"redirect URI below a registered one", "redirect_uri=" + redirectURI + "/x", "", 50011},
		{"redirect URI in another case", "redirect_uri=https://app.example/user/Authorized", "", 50011},
		{"redirect URI with a query", "redirect_uri=" + redirectURI + "?a=b", "", 50011},
		{"another port", "redirect_uri=https://app.example:8443/user/authorized", "", 50011},
		{"without redirect URI", "redirect_uri=", "", 900971},
		{"without client id", "client_id=", "", 900144},
		{"unknown client id", "client_id=ffffffff-0000-4000-8000-000000000000", "", 700016},
		{"malformed client id", "client_id=app", "", 700038},
		{"repeated parameter", "+state=two", "", 9000411},
		{"too much", "state=" + strings.Repeat("s", 5000), "", 90015},
		{"unknown user", "state=s", "nobody@contoso.com", 50020},
		{"unassigned user", "state=s", "Unassigned@contoso.com", 50105},
		{"disabled user", "state=s", "Disabled@contoso.com", 50057},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, entratest.WithUsers(
				entratest.User{ID: "11111111-1111-4111-8111-111111111111", UPN: "Unassigned@contoso.com", Unassigned: true},
				entratest.User{ID: "22222222-1111-4111-8111-111111111111", UPN: "Disabled@contoso.com"},
			))
			s.Disable("Disabled@contoso.com")
			_, err := s.SignIn(authorizeURL(s, tt.change), tt.login)
			var page *entratest.PageError
			if !errors.As(err, &page) || page.Code != tt.code || !strings.HasPrefix(page.Description, "AADSTS") {
				t.Errorf("got %v, want a page about %d", err, tt.code)
			}
		})
	}
}

func TestAuthorize_knows_tenants_by_id_alias_and_domain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		segment string
		code    int
	}{
		{"common", 0},
		{"organizations", 0},
		{"contoso.onmicrosoft.com", 0},
		{"Contoso.com", 0},
		{"AAAABBBB-0000-cccc-1111-dddd2222eeee", 0},
		{"consumers", 9002346},
		{"bbbbbbbb-0000-4000-8000-000000000000", 90002},
		{"fabrikam.com", 90002},
		{"nonsense", 900023},
	}
	for _, tt := range tests {
		t.Run(tt.segment, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			u := strings.Replace(authorizeURL(s), s.TenantID, tt.segment, 1)
			_, err := s.SignIn(u, "adelev@contoso.com")
			page := &entratest.PageError{}
			if errors.As(err, &page); page.Code != tt.code {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAuthorize_ignores_the_port_of_localhost_only(t *testing.T) {
	t.Parallel()
	s := entratest.New(entratest.WithRedirectURI("http://localhost/cb", "http://127.0.0.1:80/cb", "http://app.localhost:3000/cb"))
	for uri, want := range map[string]bool{
		"http://localhost:3000/cb": true, "http://localhost/cb": true, "http://localhost:3000/other": false, "https://localhost:3000/cb": false,
		"http://localhost:3000@evil.example/cb": false, "http://localhost:evil/cb": false,
		"http://127.0.0.1:81/cb": false, "http://app.localhost:3000/cb": true, "http://app.localhost:3001/cb": false,
	} {
		_, err := s.SignIn(authorizeURL(s, "redirect_uri="+uri), "adelev@contoso.com")
		if (err == nil) != want {
			t.Errorf("%s: %v", uri, err)
		}
	}
}

func TestNew_panics_on_what_nobody_could_register(t *testing.T) {
	t.Parallel()
	adele := entratest.Users()[0]
	for name, opt := range map[string]entratest.Option{
		"plain http":           entratest.WithRedirectURI("http://app.example/cb"),
		"relative":             entratest.WithRedirectURI("/cb"),
		"wildcard":             entratest.WithRedirectURI("https://*.example/cb"),
		"fragment":             entratest.WithLogoutURI("https://app.example/#x"),
		"too long":             entratest.WithRedirectURI("https://app.example/" + strings.Repeat("x", 256)),
		"tenant without GUID":  entratest.WithTenant("contoso"),
		"client without GUID":  entratest.WithClientID("app"),
		"empty secret":         entratest.WithClientSecret(""),
		"two of one name":      entratest.WithUsers(adele, adele),
		"user without GUID":    entratest.WithUsers(entratest.User{ID: "1", UPN: "a@b.c"}),
		"half a guest":         entratest.WithUsers(entratest.User{ID: adele.ID, UPN: "a@b.c", HomeID: adele.ID}),
		"one tenant twice":     entratest.WithExtraTenant("aaaabbbb-0000-cccc-1111-dddd2222eeee"),
		"no life":              entratest.WithAccessTokenLifetime(0),
		"one host for the two": entratest.WithHosts("a.test", "a.test"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			entratest.New(opt)
		})
	}
}

// browser keeps the sign-in service's cookies and presses buttons.
type browser struct {
	t      *testing.T
	server *entratest.Server
	client *http.Client
}

func newBrowser(t *testing.T, s *entratest.Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t, s, &http.Client{Transport: s.HTTPClient.Transport, Jar: jar}}
}

// open loads an authorize URL and says what is shown.
func (b *browser) open(changes ...string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, authorizeURL(b.server, changes...), nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return do(b.t, b.client, r)
}

// press sends a form of a page for that authorize URL.
func (b *browser) press(form url.Values, changes ...string) answer {
	b.t.Helper()
	_, query, _ := strings.Cut(authorizeURL(b.server, changes...), "?")
	form.Set("request", query)
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.server.Authority+"/login", strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return do(b.t, b.client, r)
}

func (b *browser) wants(a answer, page string) {
	b.t.Helper()
	if got := a.Header.Get(entratest.PageHeader); got != page {
		b.t.Errorf("shows %q, want %q", got, page)
	}
}

func TestPages_remember_who_is_signed_in(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := newBrowser(t, s)
	adele, alex := "87d349ed-44d7-43e1-9a83-5f2406dee5bd", "4782e723-f4f4-4af3-a76e-25e3bab0d896"
	b.wants(b.open(), "accounts")
	b.wants(b.press(url.Values{"user": {adele}}), "consent")
	b.wants(b.open("prompt=none"), "form_post") // consent_required
	b.wants(b.press(url.Values{"user": {adele}, "action": {"accept"}}), "form_post")
	if s.Count(entratest.Login) != 2 || s.Requests(entratest.Login)[1].User != "AdeleV@contoso.com" {
		t.Errorf("recorded %v", s.Requests(entratest.Login))
	}
	signedIn := b.open("prompt=none")
	if !strings.Contains(signedIn.body, "canary-code") {
		t.Error("prompt=none gave no code with one signed in")
	}
	b.wants(b.open(), "form_post") // single sign-on
	b.wants(b.open("prompt=login"), "accounts")
	b.wants(b.open("prompt=select_account"), "accounts")
	b.wants(b.open("prompt=consent"), "consent")
	b.wants(b.open("scope=openid Mail.Read"), "consent")
	b.wants(b.open("login_hint=AlexW@contoso.com"), "accounts")

	b.wants(b.press(url.Values{"user": {alex}}), "consent")
	b.press(url.Values{"user": {alex}, "action": {"accept"}})
	b.wants(b.open(), "accounts") // which of the two?
	if two := b.open("prompt=none"); !strings.Contains(two.body, "AADSTS16000") {
		t.Error("prompt=none chose between two")
	}
	b.wants(b.open("login_hint=AlexW@contoso.com"), "form_post")

	s.Revoke("AlexW@contoso.com")
	b.wants(b.open(), "form_post") // only Adele is left
}

func TestPages_do_not_accept_consent_of_somebody_not_signed_in(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := newBrowser(t, s)
	b.wants(b.press(url.Values{"user": {"adelev@contoso.com"}, "action": {"accept"}}), "accounts")
}

func TestPages_are_safe_and_let_the_form_go(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	b := newBrowser(t, s)
	chooser := b.open("state=\"><script>alert(1)</script>", "login_hint=AlexW@contoso.com")
	policy := chooser.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "script-src 'nonce-") || strings.Contains(policy, "form-action") {
		t.Errorf("policy %q", policy)
	}
	if strings.Contains(chooser.body, "<script>alert") {
		t.Error("state is not escaped")
	}
	_, buttons, _ := strings.Cut(chooser.body, "<button")
	first, _, _ := strings.Cut(buttons, "</button>")
	if !strings.Contains(first, "Alex Wilber") || !strings.Contains(first, "hinted") {
		t.Errorf("the hinted account is not first: %s", first)
	}
	answered := b.press(url.Values{"action": {"cancel"}}, "state=<b>bold</b>")
	for _, want := range []string{
		`<title>Working...</title>`, `<form method="POST" name="hiddenform" action="` + redirectURI + `">`,
		`<input type="hidden" name="state" value="bold">`, `<noscript>`, `document.forms[0].submit()`,
	} {
		if !strings.Contains(answered.body, want) {
			t.Errorf("the form_post page lacks %s", want)
		}
	}
}

func TestPages_sign_a_hint_in_at_once_with_auto(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithAutoSignIn())
	b := newBrowser(t, s)
	b.wants(b.open(), "accounts")
	b.wants(b.open("login_hint=AdeleV@contoso.com"), "form_post")
}

func TestLogout_ends_the_session_and_returns_to_registered_URIs_only(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithLogoutURI("https://app.example/bye"))
	logout := func(b *browser, query string) answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Authority+"/oauth2/v2.0/logout?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		return do(t, b.client, r)
	}
	enter := func(b *browser, login string) {
		b.press(url.Values{"user": {login}})
		b.press(url.Values{"user": {login}, "action": {"accept"}})
	}
	for target, want := range map[string]string{
		"https://app.example/bye": "https://app.example/bye?state=s", redirectURI: redirectURI + "?state=s", "https://evil.example/": "", "": "",
	} {
		b := newBrowser(t, s)
		enter(b, "adelev@contoso.com")
		b.wants(b.open(), "form_post")
		a := logout(b, url.Values{"post_logout_redirect_uri": {target}, "state": {"s"}}.Encode())
		if a.Header.Get("Location") != want {
			t.Errorf("%q leads to %q, want %q", target, a.Header.Get("Location"), want)
		}
		b.wants(b.open(), "accounts")
	}
	b := newBrowser(t, s)
	enter(b, "adelev@contoso.com")
	enter(b, "alexw@contoso.com")
	b.wants(logout(b, ""), "pick-logout")
	b.wants(logout(b, "logout_hint=adelev@contoso.com"), "signed-out")
	b.wants(b.open(), "form_post") // Alex alone
}
