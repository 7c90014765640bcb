package entratest_test

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestToken_refuses_a_code(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change string
		status int
		oauth  string
		code   int
	}{
		{"wrong secret", "client_secret=wrong", 401, "invalid_client", 7000215},
		{"no secret", "client_secret=", 401, "invalid_client", 7000218},
		{"secret and assertion", "client_assertion=a.b.c", 400, "invalid_request", 9002313},
		{"malformed claims", "claims=[]", 400, "invalid_request", 9002313},
		{"no client id", "client_id=", 400, "invalid_request", 900144},
		{"malformed client id", "client_id=app", 400, "unauthorized_client", 700038},
		{"unknown client id", "client_id=ffffffff-0000-4000-8000-000000000000", 400, "unauthorized_client", 700016},
		{"no grant type", "grant_type=", 400, "invalid_request", 900144},
		{"unknown grant type", "grant_type=password", 400, "unsupported_grant_type", 70003},
		{"no code", "code=", 400, "invalid_request", 900144},
		{"malformed code", "code=x", 400, "invalid_grant", 9002313},
		{"unknown code", "code=1.canary-code-x", 400, "invalid_grant", 70000},
		{"no redirect URI", "redirect_uri=", 400, "invalid_request", 900144},
		{"another redirect URI", "redirect_uri=https://app.example/", 400, "invalid_grant", 500112},
		{"no verifier", "code_verifier=", 400, "invalid_grant", 501481},
		{"wrong verifier", "code_verifier=" + verifier + "x", 400, "invalid_grant", 501481},
		{"the challenge as verifier", "code_verifier=" + s256, 400, "invalid_grant", 501481},
		{"repeated parameter", "+code=two", 400, "invalid_request", 9000411},
		{"unknown scope", "scope=User.Fly", 400, "invalid_client", 650053},
		{"unknown resource", "scope=https://other.example/x", 400, "invalid_resource", 500011},
		{"scope without consent", "scope=Mail.Read", 400, "invalid_grant", 65001},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			suberror := ""
			if tt.code == 65001 {
				suberror = "consent_required"
			}
			form := codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"), tt.change)
			wantError(t, redeem(t, s, form), tt.status, tt.oauth, tt.code, suberror)
		})
	}
}

func TestToken_reads_the_form_of_a_POST_only(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	code := signIn(t, s, "adelev@contoso.com").Values.Get("code")
	target := s.Authority + "/oauth2/v2.0/token"
	wantError(t, get(t, s, target+"?"+codeForm(s, code)), 400, "invalid_request", 900561, "")
	wantError(t, post(t, s, target+"?"+codeForm(s, code), ""), 400, "invalid_request", 900144, "")
	wantError(t, post(t, s, target, codeForm(s, code), "Content-Type: application/json"), 400, "invalid_request", 900144, "")
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(s.ClientID+":"+s.ClientSecret))
	wantError(t, post(t, s, target, codeForm(s, code, "client_secret="), basic), 401, "invalid_client", 7000218, "")
	if a := post(t, s, target, codeForm(s, code)); a.StatusCode != http.StatusOK {
		t.Errorf("the refused attempts have spent the code: %s", a.body)
	}
}

func TestToken_wants_the_tenant_of_the_code(t *testing.T) {
	t.Parallel()
	const other = "22222222-2222-4222-8222-222222222222"
	s := newServer(t, entratest.WithExtraTenant(other))
	form := codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"))
	at := func(tenant string) answer {
		return post(t, s, "https://login.entra.test/"+tenant+"/oauth2/v2.0/token", form)
	}
	wantError(t, at(other), 400, "invalid_grant", 700005, "")
	wantError(t, at("99999999-2222-4222-8222-222222222222"), 400, "invalid_request", 90002, "")
	wantError(t, at("nonsense"), 400, "invalid_request", 900023, "")
	if a := at("organizations"); a.StatusCode != http.StatusOK {
		t.Error(a.body)
	}
}

func TestToken_redeems_a_code_once(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	form := codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"))
	var (
		wait sync.WaitGroup
		mu   sync.Mutex
		got  []int
	)
	for range 20 {
		wait.Go(func() {
			a := redeem(t, s, form)
			mu.Lock()
			defer mu.Unlock()
			got = append(got, a.StatusCode)
		})
	}
	wait.Wait()
	if slices.Sort(got); got[0] != http.StatusOK || got[1] != http.StatusBadRequest {
		t.Errorf("20 attempts gave %v", got)
	}
	wantError(t, redeem(t, s, form), 400, "invalid_grant", 54005, "")
}

func TestToken_without_challenge_wants_no_verifier(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	noChallenge := []string{"code_challenge=", "code_challenge_method="}
	code := func() string { return signIn(t, s, "adelev@contoso.com", noChallenge...).Values.Get("code") }
	wantError(t, redeem(t, s, codeForm(s, code())), 400, "invalid_grant", 501481, "")
	if a := redeem(t, s, codeForm(s, code(), "code_verifier=")); a.StatusCode != http.StatusOK {
		t.Error(a.body)
	}
	s.AcceptAnyVerifier(true)
	if a := redeem(t, s, codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"), "code_verifier=wrong")); a.StatusCode != http.StatusOK {
		t.Error(a.body)
	}
}

func TestToken_gives_what_is_asked_for(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, authorize, token, scope string
		clientInfo                    string
		has                           string
	}{
		{"all", "openid profile offline_access User.Read", "User.Read openid offline_access profile", "openid profile User.Read", "1", "refresh_token id_token client_info"},
		{"e-mail first", "User.Read email profile openid", "User.Read openid profile", "email openid profile User.Read", "1", "id_token client_info"},
		{"more than asked", "openid User.Read Mail.Read", "User.Read", "openid Mail.Read User.Read", "", ""},
		{"in its own spelling", "openid user.read", "USER.READ", "openid User.Read", "", ""},
		{"with the resource", "openid https://graph.microsoft.com/User.Read Mail.Read", "https://graph.microsoft.com/User.Read openid", "openid https://graph.microsoft.com/Mail.Read https://graph.microsoft.com/User.Read", "", "id_token"},
		{".default", "openid https://graph.microsoft.com/.default", "https://graph.microsoft.com/.default openid", "openid https://graph.microsoft.com/User.Read https://graph.microsoft.com/.default", "", "id_token"},
		{"without a scope parameter", "openid offline_access User.Read", "", "openid User.Read", "", "refresh_token id_token"},
		{"openid asked too late", "User.Read", "User.Read openid offline_access profile", "User.Read", "1", "client_info"},
		{"another API", "openid api://orders/Orders.Read User.Read", "api://orders/Orders.Read", "openid api://orders/Orders.Read", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, entratest.WithScopes("api://orders/Orders.Read"))
			code := signIn(t, s, "adelev@contoso.com", "scope="+tt.authorize).Values.Get("code")
			a := redeem(t, s, codeForm(s, code, "scope="+tt.token, "client_info="+tt.clientInfo))
			body := a.json(t)
			if body["scope"] != tt.scope {
				t.Errorf("scope %q, want %q", body["scope"], tt.scope)
			}
			for _, name := range []string{"refresh_token", "id_token", "client_info", "refresh_in"} {
				_, got := body[name]
				if want := slices.Contains(strings.Fields(tt.has), name); got != want {
					t.Errorf("%s: %v, want %v", name, got, want)
				}
			}
		})
	}
}

func TestToken_is_for_one_resource(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithScopes("api://orders/Orders.Read"))
	code := signIn(t, s, "adelev@contoso.com", "scope=openid api://orders/Orders.Read User.Read").Values.Get("code")
	wantError(t, redeem(t, s, codeForm(s, code, "scope=api://orders/Orders.Read User.Read")), 400, "invalid_request", 28002, "")
}

func TestRefresh_rotates_and_the_old_token_lives_on(t *testing.T) {
	t.Parallel()
	for _, once := range []bool{false, true} {
		opts := []entratest.Option{}
		if once {
			opts = append(opts, entratest.WithOneTimeRefreshTokens())
		}
		s := newServer(t, opts...)
		old := text(t, tokens(t, s, "adelev@contoso.com")["refresh_token"])
		first := redeem(t, s, refreshForm(s, old)).json(t)
		if renewed := text(t, first["refresh_token"]); renewed == old || len(renewed) < 1000 {
			t.Errorf("the new token is %q", renewed)
		}
		if again := redeem(t, s, refreshForm(s, old)); once {
			wantError(t, again, 400, "invalid_grant", 70000, "")
		} else if again.StatusCode != http.StatusOK {
			t.Error(again.body)
		}
	}
}

func TestRefresh_refuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		act      func(s *entratest.Server)
		change   string
		oauth    string
		code     int
		suberror string
	}{
		{"revoked sessions", func(s *entratest.Server) { s.Revoke("adelev@contoso.com") }, "a=", "invalid_grant", 50173, "bad_token"},
		{"a disabled user", func(s *entratest.Server) { s.Disable("adelev@contoso.com") }, "a=", "invalid_grant", 50057, ""},
		{"an enabled user's old token", func(s *entratest.Server) { s.Disable("adelev@contoso.com"); s.Enable("adelev@contoso.com") }, "a=", "invalid_grant", 50173, "bad_token"},
		{"withdrawn consent", func(s *entratest.Server) { s.WithdrawConsent("adelev@contoso.com") }, "a=", "invalid_grant", 65001, "consent_required"},
		{"one scope withdrawn", func(s *entratest.Server) { s.WithdrawConsent("adelev@contoso.com", "User.Read") }, "a=", "invalid_grant", 65001, "consent_required"},
		{"a scope never asked for", func(*entratest.Server) {}, "scope=Mail.Read", "invalid_grant", 65001, "consent_required"},
		{"a malformed token", func(*entratest.Server) {}, "refresh_token=x", "invalid_grant", 9002313, ""},
		{"an unknown token", func(*entratest.Server) {}, "refresh_token=0.canary-rt-x", "invalid_grant", 70000, ""},
		{"no token", func(*entratest.Server) {}, "refresh_token=", "invalid_request", 900144, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			old := text(t, tokens(t, s, "adelev@contoso.com")["refresh_token"])
			tt.act(s)
			wantError(t, redeem(t, s, refreshForm(s, old, tt.change)), 400, tt.oauth, tt.code, tt.suberror)
		})
	}
}

func TestSecret_can_be_rotated(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := text(t, tokens(t, s, "adelev@contoso.com")["refresh_token"])
	s.SetClientSecret("new-secret")
	wantError(t, redeem(t, s, refreshForm(s, token)), 401, "invalid_client", 7000215, "")
	if a := redeem(t, s, refreshForm(s, token, "client_secret=new-secret")); a.StatusCode != http.StatusOK {
		t.Error(a.body)
	}
	if got := s.Secrets(); !slices.Contains(got, "new-secret") || !slices.Contains(got, s.ClientSecret) || !slices.Contains(got, verifier) || !slices.Contains(got, token) {
		t.Error("Secrets misses some")
	}
}

func TestTime_passes_virtually(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t)
		stale := codeForm(s, signIn(t, s, "adelev@contoso.com").Values.Get("code"))
		body := tokens(t, s, "adelev@contoso.com")
		access, refresh := text(t, body["access_token"]), text(t, body["refresh_token"])
		me := func() int { return get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+access).StatusCode }

		time.Sleep(10*time.Minute + time.Second)
		wantError(t, redeem(t, s, stale), 400, "invalid_grant", 70008, "")
		time.Sleep(64 * time.Minute)
		if got := me(); got != http.StatusOK {
			t.Errorf("/me gave %d after 74 minutes", got)
		}
		time.Sleep(time.Minute)
		if got := me(); got != http.StatusUnauthorized {
			t.Errorf("/me gave %d after 75 minutes", got)
		}
		time.Sleep(89 * 24 * time.Hour)
		if a := redeem(t, s, refreshForm(s, refresh)); a.StatusCode != http.StatusOK {
			t.Errorf("after 89 days: %s", a.body)
		}
		time.Sleep(91 * 24 * time.Hour) // idle since
		wantError(t, redeem(t, s, refreshForm(s, refresh)), 400, "invalid_grant", 700082, "")
	})
}

func TestTampering_reaches_the_answer(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithRefreshIn(30*time.Minute))
	s.TamperTokenResponse(func(grant string, body map[string]any) {
		if grant == "refresh_token" {
			body["client_info"] = "forged"
			delete(body, "refresh_token")
		}
	})
	body := tokens(t, s, "adelev@contoso.com")
	if body["refresh_in"] != 1800.0 {
		t.Errorf("refresh_in is %v", body["refresh_in"])
	}
	renewed := redeem(t, s, refreshForm(s, text(t, body["refresh_token"]))).json(t)
	if _, got := renewed["refresh_token"]; got || renewed["client_info"] != "forged" {
		t.Errorf("the answer is %v", renewed)
	}
}

func TestMany_people_at_once_each_get_their_own(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var wait sync.WaitGroup
	for _, u := range s.Users() {
		for range 5 {
			wait.Go(func() {
				r, err := s.SignIn(authorizeURL(s), u.ID)
				if err != nil {
					t.Error(err)
					return
				}
				body := redeem(t, s, codeForm(s, r.Values.Get("code"))).json(t)
				access, _ := body["access_token"].(string)
				if login, _ := s.TokenUser(access); login != u.UPN {
					t.Errorf("%s got a token of %s", u.UPN, login)
				}
				if me := get(t, s, s.GraphURL+"/me", "Authorization: Bearer "+access).json(t); me["id"] != u.ID {
					t.Errorf("%s is %v", u.UPN, me)
				}
			})
		}
	}
	wait.Wait()
}
