package fibermsal_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func tokenRequest() policy.TokenRequestOptions { return policy.TokenRequestOptions{} }

// callback is the request by which a browser delivers a form_post answer.
func callback(form string) *http.Request {
	r := request(http.MethodPost, "/user/authorized", form)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://login.microsoftonline.com")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Accept", "text/html")
	return r
}

// assertRejected is what a refused response looks like: the status, a fixed text with a
// correlation id, no session, nothing stored, and the reason in the log.
func (b *browser) assertRejected(a *answer, status int, reason string) {
	b.t.Helper()
	if a.StatusCode != status {
		b.t.Errorf("status %d, want %d\n%s", a.StatusCode, status, b.log)
	}
	if a.cookie(sessionCookie) != nil {
		b.t.Error("a session cookie was set")
	}
	if !strings.Contains(a.body, "correlation") && !strings.Contains(a.body, "<code>") {
		b.t.Errorf("no correlation id: %s", a.body)
	}
	if !strings.Contains(b.log.String(), `"reason":"`+reason+`"`) {
		b.t.Errorf("the log does not say %q:\n%s", reason, b.log)
	}
}

func TestSignIn_ShowsWhoIsSignedInAndGivesTheirToken(t *testing.T) {
	t.Parallel()
	for _, mode := range []fibermsal.ResponseMode{fibermsal.FormPost, fibermsal.Query} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = mode }).browser()
			if b.user() != "" {
				t.Fatal("somebody is signed in already")
			}
			response := b.approve(b.start("/guarded?tab=2"), adele)
			if response.Mode != string(mode) {
				t.Errorf("response_mode = %s", response.Mode)
			}
			if a := b.do(response.Request()); a.location() != "/guarded?tab=2" {
				t.Errorf("Location = %q", a.location())
			}
			if a := b.navigate("/guarded?tab=2"); a.body != "hello "+adele {
				t.Errorf("guarded: %d %q", a.StatusCode, a.body)
			}
			if a := b.get("/token"); a.body != adele {
				t.Errorf("token: %d %q\n%s", a.StatusCode, a.body, b.log)
			}
		})
	}
}

func TestSignIn_WorksWithPlainCookiesOnPlainHTTPLocalhost(t *testing.T) {
	t.Parallel()
	idp := entratest.New(entratest.WithRedirectURI("http://localhost:3000/user/authorized"))
	s := newSite(t, idp, func(cfg *fibermsal.Config) { cfg.PublicURL = "http://localhost:3000" })
	b := s.browser()
	b.signIn(adele)
	if c := b.jar["fibermsal"]; c == nil || c.Secure || !c.HttpOnly {
		t.Errorf("session cookie: %v", b.jar)
	}
	if b.user() != adele {
		t.Error("not signed in")
	}
}

func TestSignIn_CancelledLeadsToAPageThatStartsAgain(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	response, err := b.idp.Cancel(b.start("/guarded?x=1"))
	if err != nil {
		t.Fatal(err)
	}
	r := response.Request()
	r.Header.Set("Accept", "text/html")
	a := b.do(r)
	b.assertRejected(a, http.StatusBadRequest, "access_denied")
	if !strings.Contains(a.body, `href="/user/login?to=%2Fguarded%3Fx%3D1"`) || !strings.Contains(a.body, "cancelled") {
		t.Errorf("page: %s", a.body)
	}
	b.signIn(adele)
}

func TestSignIn_StorageDownIsA503WithoutACookie(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	response := b.approve(b.start(""), adele)
	l.fail(false, true)
	a := b.do(response.Request())
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.cookie(sessionCookie) != nil {
		t.Errorf("status %d, Retry-After %q, cookies %v", a.StatusCode, a.Header.Get("Retry-After"), a.Cookies())
	}
}

func TestA1_CallbackWithoutAFlowOfThisBrowser(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	other := s.browser()
	foreign := state(t, other.start(""))
	b := s.browser()
	own := state(t, b.start(""))
	for name, row := range map[string]struct {
		form, reason string
		anonymous    bool
	}{
		"empty jar, plausible state":   {"code=x&state=" + own, "no_flow", true},
		"no state":                     {"code=x", "malformed_response", false},
		"empty state":                  {"code=x&state=", "malformed_response", false},
		"another browser's state":      {"code=x&state=" + foreign, "no_flow", false},
		"truncated state":              {"code=x&state=" + own[:42], "malformed_response", false},
		"state with one more":          {"code=x&state=" + own + "A", "malformed_response", false},
		"state of zeros":               {"code=x&state=" + strings.Repeat("A", 43), "no_flow", false},
		"state with another last byte": {"code=x&state=" + own[:42] + "_", "no_flow", false},
	} {
		t.Log(name)
		victim := b
		if row.anonymous {
			victim = s.browser()
		}
		victim.assertRejected(victim.do(callback(row.form)), http.StatusBadRequest, row.reason)
	}
	if n := s.idp.Count(entratest.Token); n != 0 {
		t.Errorf("%d token calls", n)
	}
	if keys := l.keys(); len(keys) != 0 {
		t.Errorf("stored: %v", keys)
	}
}

func TestA2_AttackersResponseInTheVictimsBrowser(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	attacker, victim := s.browser(), s.browser()
	victim.signIn(adele)
	before := victim.session()
	response := attacker.approve(attacker.start(""), alex)
	victim.assertRejected(victim.do(response.Request()), http.StatusBadRequest, "no_flow")
	if victim.session() != before || victim.user() != adele {
		t.Error("the victim's session changed")
	}
}

func TestA3_ResponseIsGoodUntilEntraIsAsked(t *testing.T) {
	for name, row := range map[string]struct {
		unable, able func(*site)
	}{
		"paused": {pauseEntra, func(*site) { time.Sleep(6 * time.Second) }},
		"another caller finds out whether Entra is back": {
			func(s *site) {
				pauseEntra(s)
				time.Sleep(6 * time.Second)
				s.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: 3 * time.Second})
				go func() { _, _ = s.auth.AppCredential().GetToken(context.Background(), policy.TokenRequestOptions{}) }()
				synctest.Wait()
			},
			func(*site) { time.Sleep(4 * time.Second) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, newIDP(t, entratest.WithAppPermissions("User.Read.All")))
				b := s.browser()
				response := b.approve(b.start("/guarded"), adele)
				row.unable(s)
				s.idp.ResetRequests()
				for range 3 { // who sees the page reloads it
					if a := b.do(response.Request()); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
						t.Fatalf("not asked: %d %s", a.StatusCode, a.body)
					}
				}
				if n := s.idp.Count(entratest.Token); n != 0 {
					t.Errorf("%d token calls", n)
				}
				row.able(s)
				if a := b.do(response.Request()); a.location() != "/guarded" || b.user() != adele {
					t.Errorf("again: %d %s\n%s", a.StatusCode, a.body, s.log)
				}
				if a := b.do(response.Request()); a.StatusCode != http.StatusBadRequest || s.idp.Count(entratest.Token) > 2 {
					t.Errorf("once more: %d", a.StatusCode)
				}
			})
		})
	}
}

// pauseEntra has Entra fail so often that nobody asks any more.
func pauseEntra(s *site) {
	s.idp.Fault(entratest.Token, entratest.Fault{Times: 10, Status: http.StatusServiceUnavailable, Body: "down"})
	for range 10 {
		b := s.browser()
		b.do(b.approve(b.start(""), alex).Request())
	}
}

func TestA3_ResponseIsGoodWhileTheAppsCredentialFails(t *testing.T) {
	t.Parallel()
	var failing atomic.Bool
	idp := newIDP(t)
	b := newSite(t, idp, func(cfg *fibermsal.Config) {
		cfg.ClientSecret = ""
		cfg.Credential = func(context.Context) (confidential.Credential, error) {
			if failing.Load() {
				return confidential.Credential{}, errors.New("the vault is down")
			}
			return confidential.NewCredFromSecret(idp.ClientSecret)
		}
	}).browser()
	response := b.approve(b.start(""), adele)
	failing.Store(true)
	if a := b.do(response.Request()); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("meanwhile: %d %s", a.StatusCode, a.body)
	}
	failing.Store(false)
	if b.do(response.Request()); b.user() != adele {
		t.Error("the response is spent")
	}
}

func TestA3_ReplayedCallbackSignsInOnce(t *testing.T) {
	t.Parallel()
	for name, count := range map[string]int{"sequential": 2, "concurrent": 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t)).browser()
			response := b.approve(b.start(""), adele)
			var successes, rejections atomic.Int32
			var wait sync.WaitGroup
			for range count {
				r := response.Request()
				for _, c := range b.jar {
					r.AddCookie(c)
				}
				post := func() {
					switch a := b.send(r); a.StatusCode {
					case http.StatusSeeOther:
						successes.Add(1)
					case http.StatusBadRequest:
						rejections.Add(1)
					}
				}
				if name == "sequential" {
					post()
					continue
				}
				wait.Go(post)
			}
			wait.Wait()
			if successes.Load() != 1 || int(rejections.Load()) != count-1 {
				t.Errorf("%d successes, %d rejections of %d", successes.Load(), rejections.Load(), count)
			}
			if n := b.idp.Count(entratest.Token); n != 1 {
				t.Errorf("%d token calls", n)
			}
		})
	}
}

func TestA4_StaleFlowIsRejectedWithAWayToStartAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t)).browser()
		response := b.approve(b.start(""), adele)
		time.Sleep(11 * time.Minute)
		r := response.Request()
		r.Header.Set("Accept", "text/html")
		a := b.do(r)
		b.assertRejected(a, http.StatusBadRequest, "flow_expired")
		if !strings.Contains(a.body, `href="/user/login`) {
			t.Errorf("no link: %s", a.body)
		}
	})
}

func TestA5_ParallelTabsDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	var responses []*entratest.Response
	for range 3 {
		responses = append(responses, b.approve(b.start(""), adele))
	}
	for _, i := range []int{1, 2, 0} {
		if a := b.do(responses[i].Request()); a.StatusCode != http.StatusSeeOther {
			t.Errorf("tab %d: status %d", i+1, a.StatusCode)
		}
	}
	if keys := l.keys(); len(keys) != 2 {
		t.Errorf("only the last session is anybody's, its tokens and itself: %v", keys)
	}
}

func TestA6_PKCEIsAlwaysS256(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.idp.AcceptAnyVerifier(true)
	authorize := b.start("")
	q := query(t, authorize)
	if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 {
		t.Errorf("authorize: %s", authorize)
	}
	b.do(b.approve(authorize, adele).Request())
	form := b.idp.Requests(entratest.Token)[0].Form
	if verifier := form.Get("code_verifier"); s256(verifier) != q.Get("code_challenge") {
		t.Errorf("the verifier sent does not match the challenge")
	}
	if form.Get("client_secret") == "" || strings.Contains(authorize, b.idp.ClientSecret) {
		t.Error("the secret belongs into the form of the token call, and nowhere else")
	}
}

func TestA7_InjectedCodeIsRefused(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		anyVerifier bool
		reason      string
	}{
		"by PKCE":                        {false, "code_refused"},
		"by the nonce where PKCE failed": {true, "id_token_nonce"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newIDP(t))
			s.idp.AcceptAnyVerifier(row.anyVerifier)
			attacker, victim := s.browser(), s.browser()
			stolen := attacker.approve(attacker.start(""), alex).Values.Get("code")
			response := victim.approve(victim.start(""), adele)
			response.Values.Set("code", stolen)
			victim.assertRejected(victim.do(response.Request()), http.StatusBadRequest, row.reason)
		})
	}
}

func TestA8_NonceMustBeTheOneSent(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		nonce  any
		reason string
	}{
		"missing": {nil, "id_token_nonce"},
		"empty":   {"", "id_token_nonce"},
		"another": {strings.Repeat("n", 43), "id_token_nonce"},
		"a list":  {[]string{"n"}, "id_token_malformed"},
		"number":  {1, "id_token_malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rejectTampered(t, http.StatusBadRequest, row.reason, func(token *entratest.IDToken) {
				if row.nonce == nil {
					delete(token.Claims, "nonce")
				} else {
					token.Claims["nonce"] = row.nonce
				}
			})
		})
	}
}

// rejectTampered signs in with a tampered id_token and asserts that nothing comes
// of it but one token call.
func rejectTampered(t *testing.T, status int, reason string, tamper func(*entratest.IDToken)) {
	t.Helper()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	b.idp.TamperIDToken(tamper)
	b.assertRejected(b.do(b.approve(b.start(""), adele).Request()), status, reason)
	if n := b.idp.Count(entratest.Token); n != 1 {
		t.Errorf("%d token calls", n)
	}
	if keys := l.keys(); len(keys) != 0 {
		t.Errorf("stored: %v", keys)
	}
	if b.user() != "" {
		t.Error("signed in")
	}
}

func TestA9_MixUpOfTwoAppsOnOneHost(t *testing.T) {
	t.Parallel()
	// Two registrations behind one host, under one key ring: only what a flow is
	// bound to keeps them apart.
	app := fiber.New()
	register := func(prefix, client string) *entratest.Server {
		idp := entratest.New(entratest.WithClientID(client),
			entratest.WithRedirectURI(publicURL+prefix+"/authorized"))
		cfg := configFor(idp)
		cfg.RoutePrefix, cfg.Keys = prefix, [][]byte{testKey(1)}
		auth, err := fibermsal.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		auth.RegisterRoutes(app)
		t.Cleanup(func() { _ = auth.Close() })
		return idp
	}
	one := register("/one", "00000000-0000-0000-0000-000000000001")
	register("/two", "00000000-0000-0000-0000-000000000002")
	b := (&site{t: t, app: app, idp: one, log: &logbook{}}).browser()
	response := b.approve(b.navigate("/one/login").location(), adele)
	r := callback(response.Values.Encode())
	r.URL.Opaque, r.RequestURI = "/two/authorized", "/two/authorized"
	if a := b.do(r); a.StatusCode != http.StatusBadRequest {
		t.Errorf("the other app's callback: status %d", a.StatusCode)
	}
	if n := one.Count(entratest.Token); n != 0 {
		t.Errorf("%d token calls", n)
	}
	if a := b.do(response.Request()); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the right callback: status %d\n%s", a.StatusCode, a.body)
	}
}

func TestA9_IssuerInTheResponseMustBeTheRightOne(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	response := b.approve(b.start(""), adele)
	response.Values.Set("iss", "https://evil.example")
	b.assertRejected(b.do(response.Request()), http.StatusBadRequest, "issuer_mismatch")

	response = b.approve(b.start(""), adele)
	response.Values.Set("iss", b.idp.Authority+"/v2.0")
	if a := b.do(response.Request()); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the right issuer: status %d", a.StatusCode)
	}
}

func TestA10_ErrorResponsesAreNotEchoed(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	evil := "&error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E&error_uri=javascript:1&error_subcode=evil-subcode"
	for name, form := range map[string]string{
		"with a flow":    "state=" + state(t, b.start("")) + evil,
		"without a flow": "state=" + strings.Repeat("A", 43) + evil,
	} {
		a := b.do(callback(form))
		if a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d", name, a.StatusCode)
		}
		for _, echoed := range []string{"<script", "alert", "javascript:", "evil-subcode", "access_denied"} {
			if strings.Contains(a.body, echoed) {
				t.Errorf("%s: the page contains %q", name, echoed)
			}
		}
	}
}

func TestA11_QueryNeverBeatsTheBody(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	good := b.approve(b.start(""), adele).Values
	for name, row := range map[string]struct{ query, form, reason string }{
		"protocol fields in the query": {"?code=Q&state=Q", good.Encode(), "query_beside_form"},
		"state in the query alone":     {"?state=" + good.Get("state"), "code=x", "query_beside_form"},
		"two codes":                    {"", good.Encode() + "&code=b", "malformed_response"},
		"two states":                   {"", good.Encode() + "&state=" + good.Get("state"), "malformed_response"},
		"code and error":               {"", good.Encode() + "&error=access_denied", "malformed_response"},
	} {
		r := callback(row.form)
		r.URL.Opaque += row.query
		r.RequestURI += row.query
		b.assertRejected(b.do(r), http.StatusBadRequest, row.reason)
		if n := b.idp.Count(entratest.Token); n != 0 {
			t.Errorf("%s: %d token calls", name, n)
		}
	}
	if a := b.do(callback(good.Encode())); a.StatusCode != http.StatusSeeOther {
		t.Errorf("the untouched response no longer works: status %d", a.StatusCode)
	}
}

func TestA12_CallbackTakesOneMethodTypeAndSize(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	good := "code=x&state=" + state(t, b.start(""))
	change := func(method, header, value, body string) *http.Request {
		r := callback(body)
		r.Method = method
		if header != "" {
			r.Header.Set(header, value)
		}
		return r
	}
	for name, row := range map[string]struct {
		request *http.Request
		status  int
	}{
		"GET":               {change("GET", "", "", ""), 405},
		"HEAD":              {change("HEAD", "", "", ""), 405},
		"PUT":               {change("PUT", "", "", good), 405},
		"DELETE":            {change("DELETE", "", "", ""), 405},
		"JSON":              {change("POST", "Content-Type", "application/json", `{"code":"x"}`), 415},
		"multipart":         {change("POST", "Content-Type", "multipart/form-data; boundary=x", "--x--"), 415},
		"text":              {change("POST", "Content-Type", "text/plain", good), 415},
		"no type":           {change("POST", "Content-Type", "", good), 415},
		"gzip":              {change("POST", "Content-Encoding", "gzip", good), 415},
		"too large":         {change("POST", "", "", good+"&x="+strings.Repeat("x", 16<<10)), 413},
		"10,000 parameters": {change("POST", "", "", strings.Repeat("a&", 8000)), 400},
		"21 parameters":     {change("POST", "", "", good+strings.Repeat("&a=1", 20)), 400},
		"NUL in the state":  {change("POST", "", "", "code=x&state=%00"+strings.Repeat("A", 42)), 400},
		"invalid UTF-8":     {change("POST", "", "", "code=x&state=%ff"+strings.Repeat("A", 42)), 400},
		"bad escape":        {change("POST", "", "", "code=%zz&state=x"), 400},
		"empty body":        {change("POST", "", "", ""), 400},
	} {
		if a := b.do(row.request); a.StatusCode != row.status {
			t.Errorf("%s: status %d, want %d", name, a.StatusCode, row.status)
		}
	}
	if n := b.idp.Count(entratest.Token); n != 0 {
		t.Errorf("%d token calls", n)
	}
}

func TestA12_QueryModeTakesOnlyGET(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = fibermsal.Query }).browser()
	if a := b.do(callback("code=x&state=" + state(t, b.start("")))); a.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", a.StatusCode)
	}
}

func TestA13_CallbackAnswersSeeOtherToALocalPath(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	a := b.do(b.approve(b.start("/guarded"), adele).Request())
	if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.location(), "/") || strings.HasPrefix(a.location(), "//") {
		t.Errorf("status %d, Location %q", a.StatusCode, a.location())
	}
}

func TestA15_LoginStartsOnlyForAPersonWhoNavigates(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	for name, row := range map[string]struct {
		method, header, value string
		status                int
	}{
		"HEAD":     {"HEAD", "", "", 405},
		"POST":     {"POST", "", "", 405},
		"prefetch": {"GET", "Sec-Purpose", "prefetch;prerender", 503},
		"image":    {"GET", "Sec-Fetch-Dest", "image", 403},
		"frame":    {"GET", "Sec-Fetch-Dest", "iframe", 403},
		"fetch":    {"GET", "Sec-Fetch-Mode", "no-cors", 403},
		"cors":     {"GET", "Sec-Fetch-Mode", "cors", 403},
	} {
		r := request(row.method, "/user/login", "")
		if row.header != "" {
			r.Header.Set(row.header, row.value)
		}
		if a := s.send(r); a.StatusCode != row.status || len(a.Cookies()) != 0 {
			t.Errorf("%s: status %d, cookies %v", name, a.StatusCode, a.Cookies())
		}
	}
}

func TestA16_LoginIgnoresProtocolParametersOfTheQuery(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	plain := query(t, b.start(""))
	odd := query(t, b.navigate("/user/login?scope=Directory.ReadWrite.All&prompt=none&claims=%7B%7D&login_hint=x&redirect_uri=https://evil").location())
	for _, changing := range []string{"state", "nonce", "code_challenge"} {
		plain.Del(changing)
		odd.Del(changing)
	}
	if plain.Encode() != odd.Encode() {
		t.Errorf("authorize URL changed:\n%s\n%s", plain.Encode(), odd.Encode())
	}
}

func query(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

func state(t *testing.T, authorizeURL string) string {
	t.Helper()
	return query(t, authorizeURL).Get("state")
}

func TestB15_DeclinedScopesAreAPageAndNoLoop(t *testing.T) {
	t.Parallel()
	for _, mode := range []fibermsal.ResponseMode{fibermsal.FormPost, fibermsal.Query} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
				cfg.ResponseMode, cfg.Scopes = mode, []string{"User.Read", "Mail.Read"}
			}).browser()
			b.idp.TamperTokenResponse(func(_ string, body map[string]any) { body["scope"] = "openid profile User.Read" })
			r := b.approve(b.start(""), adele).Request()
			r.Header.Set("Accept", "text/html")
			a := b.do(r)
			b.assertRejected(a, http.StatusForbidden, "scopes_declined")
			if a.location() != "" || !strings.Contains(b.log.String(), "Mail.Read") {
				t.Errorf("Location %q\n%s", a.location(), b.log)
			}
		})
	}
}

func TestSignIn_DiscoveryOfAnotherAuthorityIsRefused(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string][2]string{
		"issuer of another host":      {`"issuer":"https://login.entra.test/`, `"issuer":"https://evil.example/`},
		"issuer of another tenant":    {`"issuer":"https://login.entra.test/aaaabbbb`, `"issuer":"https://login.entra.test/bbbbbbbb`},
		"token endpoint elsewhere":    {`"token_endpoint":"https://login.entra.test/`, `"token_endpoint":"https://evil.example/`},
		"token endpoint in clear":     {`"token_endpoint":"https://`, `"token_endpoint":"http://`},
		"keys elsewhere":              {`"jwks_uri":"https://login.entra.test/`, `"jwks_uri":"https://evil.example/`},
		"authorize in clear":          {`"authorization_endpoint":"https://`, `"authorization_endpoint":"http://`},
		"authorize is a script":       {`"authorization_endpoint":"https://`, `"authorization_endpoint":"javascript://`},
		"no keys":                     {`"jwks_uri"`, `"jwks_uri_of_old"`},
		"no JSON":                     {`{`, `<`},
		"sign-out leads to elsewhere": {`"end_session_endpoint":"https://`, `"end_session_endpoint":"javascript://`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t)
			genuine := discoveryOf(t, idp)
			if !strings.Contains(genuine, replace[0]) {
				t.Fatalf("%s is not in %s", replace[0], genuine)
			}
			idp.Fault(entratest.Discovery, entratest.Fault{Body: strings.Replace(genuine, replace[0], replace[1], 1)})
			s := newSite(t, idp)
			if a := s.browser().navigate("/user/login"); a.StatusCode != http.StatusServiceUnavailable || a.location() != "" {
				t.Errorf("status %d, Location %q", a.StatusCode, a.location())
			}
		})
	}
}

func discoveryOf(t *testing.T, idp *entratest.Server) string {
	t.Helper()
	resp, err := idp.HTTPClient.Get(idp.Authority + "/v2.0/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestA14_SignInLeavesNoTraceInReferrersAndCaches(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	answers := []*answer{b.navigate("/user/login"), b.navigate("/guarded"), b.do(callback("code=x")), b.do(b.approve(b.start(""), adele).Request())}
	for i, a := range answers {
		if a.Header.Get("Referrer-Policy") != "no-referrer" || !strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
			t.Errorf("answer %d: %v", i, a.Header)
		}
	}
	if strings.Contains(b.log.String(), "code=") || strings.Contains(b.log.String(), "state=") {
		t.Errorf("the log has parameters:\n%s", b.log)
	}
}

func TestC10_PagesCannotBeFramed(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	for name, a := range map[string]*answer{"problem": b.do(callback("code=x")), "confirmation": b.get("/user/logout")} {
		policy := a.Header.Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action "} {
			if !strings.Contains(policy, directive) {
				t.Errorf("%s: %s is not in %q", name, directive, policy)
			}
		}
		if a.Header.Get("X-Frame-Options") != "DENY" || a.Header.Get("X-Content-Type-Options") != "nosniff" || strings.Contains(a.body, "<script") {
			t.Errorf("%s: %v", name, a.Header)
		}
	}
	if n := b.idp.Count(entratest.Discovery); n > 1 {
		t.Errorf("%d discovery calls for two pages", n)
	}
}

func TestC10_ProblemPagesAskNobody(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.do(callback("code=x"))
	if n := len(b.idp.Requests()); n != 0 {
		t.Errorf("a stranger's junk made %d calls to Entra", n)
	}
}

// The first sessions begin at once.
func TestG17_DiscoveryAndKeysOncePerProcess(t *testing.T) {
	t.Parallel()
	const atOnce = 8
	sessions := repeats(1000)
	s := newSite(t, newIDP(t))
	users := s.idp.Users() // more sessions of one would end the oldest
	var wait sync.WaitGroup
	for first := range atOnce {
		wait.Go(func() {
			for i := first; i < sessions; i += atOnce {
				b := s.browser()
				b.signIn(users[i%len(users)].UPN)
				b.get("/token")
			}
		})
	}
	wait.Wait()
	for endpoint, want := range map[entratest.Endpoint]int{entratest.Discovery: 1, entratest.Keys: 1, entratest.InstanceDiscovery: 0, entratest.Token: sessions} {
		if n := s.idp.Count(endpoint); n != want {
			t.Errorf("%s: %d calls, want %d", endpoint, n, want)
		}
	}
}

func TestG17_OldDiscoveryServesAtOnceWhileEntraStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newSite(t, newIDP(t)).browser()
		b.start("")
		time.Sleep(25 * time.Hour)
		b.idp.Fault(entratest.Discovery, entratest.Fault{Delay: time.Hour})
		before := time.Now()
		b.start("")
		if waited := time.Since(before); waited > time.Second {
			t.Errorf("waited %v for what is remembered", waited)
		}
		time.Sleep(time.Minute)
	})
}

func TestG26_VisitorsCostNoStorageAndNoCalls(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	for i := range 500 {
		s.send(request(http.MethodGet, "/user/login", ""))
		s.send(callback("code=x&state=" + strings.Repeat("A", 42) + string(rune('A'+i%16))))
		s.send(request(http.MethodGet, "/user/info", ""))
	}
	gets, sets := l.count()
	if gets != 0 || sets != 0 || len(l.keys()) != 0 {
		t.Errorf("%d reads, %d writes, %v", gets, sets, l.keys())
	}
	if n := len(s.idp.Requests()); n != 1 {
		t.Errorf("%d calls to Entra, want the one for its configuration", n)
	}
}
