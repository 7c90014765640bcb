package fibermsal_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// starts adds a handler for /start to a site that starts sign-ins.
func (s *site) starts(o fibermsal.SignInOptions) {
	routeAll(s.app, "/start", func(*fiber.Ctx) error { return fibermsal.StartSignIn(o) })
}

// authorize starts a sign-in by a handler and returns the parameters of the authorize request.
func (b *browser) authorize(path string) url.Values {
	b.t.Helper()
	a := b.Navigate(path)
	if a.StatusCode != http.StatusSeeOther || !strings.HasPrefix(a.Location(), "/user/login") {
		b.t.Fatalf("%d to %q\n%s\n%s", a.StatusCode, a.Location(), a.Text, b.log)
	}
	return query(b.t, b.Navigate(a.Location()).Location())
}

func TestStartSignIn_OptionsReachEntra(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		options fibermsal.SignInOptions
		want    map[string]string // of the authorize request; "" is that it is missing
	}{
		"none":            {fibermsal.SignInOptions{}, map[string]string{"prompt": "", "login_hint": "", "domain_hint": "", "scope": "openid profile offline_access User.Read"}},
		"scopes":          {fibermsal.SignInOptions{Scopes: []string{"Mail.Read", "https://graph.microsoft.com/Calendars.Read", "User.Read"}}, map[string]string{"scope": "openid profile offline_access User.Read Mail.Read Calendars.Read"}},
		"hints":           {fibermsal.SignInOptions{LoginHint: "adele+x@contoso.com", DomainHint: "contoso.com"}, map[string]string{"login_hint": "adele+x@contoso.com", "domain_hint": "contoso.com", "prompt": ""}},
		"select_account":  {fibermsal.SignInOptions{Prompt: fibermsal.PromptSelectAccount}, map[string]string{"prompt": "select_account"}},
		"not with a hint": {fibermsal.SignInOptions{Prompt: fibermsal.PromptSelectAccount, LoginHint: adele}, map[string]string{"prompt": "select_account", "login_hint": ""}},
		"login":           {fibermsal.SignInOptions{Prompt: fibermsal.PromptLogin, LoginHint: adele}, map[string]string{"prompt": "login", "login_hint": adele}},
		"create":          {fibermsal.SignInOptions{Prompt: fibermsal.PromptCreate}, map[string]string{"prompt": "create"}},
		"further":         {fibermsal.SignInOptions{Parameters: map[string]string{"ui_locales": "de-AT fr", "mkt": "de-AT"}}, map[string]string{"ui_locales": "de-AT fr", "mkt": "de-AT"}},
	} {
		for user, signIn := range map[string]func(*browser){
			"visitor": func(*browser) {}, "user": func(b *browser) { b.signIn(alex) },
		} {
			t.Run(name+", "+user, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, newIDP(t))
				s.starts(row.options)
				b := s.browser()
				signIn(b)
				q := b.authorize("/start?prompt=none&login_hint=" + adele + "&scope=Mail.Send&ask=x")
				for parameter, want := range row.want {
					if got := q.Get(parameter); got != want {
						t.Errorf("%s is %q, want %q", parameter, got, want)
					}
				}
				if q.Get("client_id") != s.idp.ClientID || q.Get("redirect_uri") != redirectURI || q.Get("code_challenge") == "" {
					t.Errorf("%v", q)
				}
			})
		}
	}
}

func TestStartSignIn_RefusesOtherOptions(t *testing.T) {
	t.Parallel()
	long := make([]string, 30)
	for i := range long {
		long[i] = "Some.Long.Permission.Name" + strings.Repeat("x", i)
	}
	for name, options := range map[string]fibermsal.SignInOptions{
		"prompt none":  {Prompt: "none"},
		"prompt":       {Prompt: "anything"},
		"state":        {Parameters: map[string]string{"state": "x"}},
		"redirect_uri": {Parameters: map[string]string{"redirect_uri": "https://evil.example"}},
		"capitals":     {Parameters: map[string]string{"UI_Locales": "de"}},
		"unknown":      {Parameters: map[string]string{"utm_source": "x"}},
		"too long":     {Scopes: long},
		"long hint":    {LoginHint: strings.Repeat("x", 800)},
	} {
		s := newSite(t, newIDP(t))
		s.starts(options)
		if a := s.browser().Navigate("/start"); a.StatusCode != http.StatusInternalServerError {
			t.Errorf("%s: %d to %q", name, a.StatusCode, a.Location())
		}
	}
	if err := fibermsal.StartSignIn(fibermsal.SignInOptions{Prompt: "none"}); !errors.Is(err, fibermsal.ErrMisconfigured) {
		t.Errorf("%v", err)
	}
	if err := fibermsal.StartSignIn(fibermsal.SignInOptions{}); !errors.Is(err, fibermsal.ErrLoginRequired) {
		t.Errorf("%v", err)
	}
}

func TestStartSignIn_ReturnsToItsPath(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{
		"": "/", "/guarded": "/guarded", "/guarded?a=b&c=%20#d": "/guarded?a=b&c=%20#d", "//evil.example": "/", "https://evil.example": "/",
		"/user/login": "/", "/user/logout": "/", "/a\r\nb": "/",
	} {
		s := newSite(t, newIDP(t))
		s.starts(fibermsal.SignInOptions{To: to})
		b := s.browser()
		back := b.Send(b.approve(b.Navigate(b.Navigate("/start").Location()).Location(), adele).Request())
		if back.Location() != want || b.user() != adele {
			t.Errorf("%q: %d to %q", to, back.StatusCode, back.Location())
		}
	}
}

// A user switches the account as often as they like, by a form or a link.
func TestStartSignIn_SwitchesTheAccount(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.starts(fibermsal.SignInOptions{Prompt: fibermsal.PromptSelectAccount, To: "/guarded"})
	b := s.browser()
	b.signIn(adele)
	form := func() *answer {
		r := request(http.MethodPost, "/start", "")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Dest", "document")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		return b.Send(r)
	}
	for i := range 6 {
		user := []string{alex, adele}[i%2]
		a := form()
		if i > 2 {
			a = b.Navigate("/start")
		}
		if a.StatusCode != http.StatusSeeOther {
			t.Fatalf("%d: %d %s", i, a.StatusCode, a.Text)
		}
		if present := b.user(); present == user || present == "" {
			t.Errorf("%d: %q is signed in before the sign-in succeeds", i, present)
		}
		back := b.Send(b.approve(b.Navigate(a.Location()).Location(), user).Request())
		if a := b.Navigate(back.Location()); a.Text != "hello "+user {
			t.Errorf("%d: %d %s", i, a.StatusCode, a.Text)
		}
	}
}

func TestStartSignIn_ProgramsGetItsURL(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.starts(fibermsal.SignInOptions{LoginHint: adele, To: "/guarded"})
	b := s.browser()
	for way, a := range map[string]*answer{"fetch": b.Fetch("/start"), "POST of a script": b.Send(request(http.MethodPost, "/start", "{}"))} {
		login, _ := a.JSON(t)["login_url"].(string)
		if a.StatusCode != http.StatusUnauthorized || login == "" {
			t.Errorf("%s: %d %s", way, a.StatusCode, a.Text)
			continue
		}
		if q := query(t, b.Navigate(login).Location()); q.Get("login_hint") != adele {
			t.Errorf("%s: %v", way, q)
		}
	}
}

// A button of htmx starts a sign-in as often as the user likes. Requests that a page sends by itself do
// not.
func TestHTMX_HandlersStartSignIns(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.starts(fibermsal.SignInOptions{Prompt: fibermsal.PromptSelectAccount, To: "/guarded"})
	for method, row := range map[string]struct {
		current        string
		status, rounds int
	}{
		http.MethodPost: {"/guarded", http.StatusOK, 6}, http.MethodPut: {"/start", http.StatusOK, 6},
		http.MethodGet: {"/guarded", http.StatusUnauthorized, 3}, http.MethodDelete: {"/elsewhere", http.StatusOK, 6},
	} {
		b := s.browser()
		rounds := 0
		for ; rounds < 6; rounds++ {
			a := b.Send(scripted(method, "/start", "HX-Request: true", "HX-Current-URL: "+publicURL+row.current))
			login := a.Header.Get("HX-Redirect")
			if login == "" {
				break
			}
			if q := query(t, b.Navigate(login).Location()); a.StatusCode != row.status || a.Location() != "" || q.Get("prompt") != "select_account" || row.rounds == 6 && a.Cookie(triesCookie) != nil {
				t.Fatalf("%s: %d %v", method, a.StatusCode, a.Header)
			}
			b.Send(b.approve(b.Navigate(login).Location(), adele).Request())
		}
		if rounds != row.rounds {
			t.Errorf("%s: %d rounds", method, rounds)
		}
	}
}

// A sign-in with fewer requirements than the handler's is not a retry.
func TestStartSignIn_RetryRepeatsTheHandler(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.starts(fibermsal.SignInOptions{LoginHint: strings.Repeat("x", 800), To: "/guarded"})
	if target, text := link(t, s.browser().Navigate("/start?a=b")); target != "/start?a=b" || text != "Try again" {
		t.Errorf("%q leads to %q", text, target)
	}
}

// A user who has to use another account may use one of another domain.
func TestStartSignIn_AnotherAccountIsFreeOfHints(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.starts(fibermsal.SignInOptions{LoginHint: alex, DomainHint: "contoso.com", Prompt: fibermsal.PromptLogin, Scopes: []string{"Mail.Read"}, To: "/guarded"})
	b := s.browser()
	authorize := b.Navigate(b.Navigate("/start").Location()).Location()
	a := b.refused(authorize, "error=access_denied", "error_description=AADSTS50105: not assigned")
	q := b.mainAction(a)
	if q.Get("prompt") != "select_account" || q.Get("login_hint") != "" || q.Get("domain_hint") != "" || !strings.Contains(q.Get("scope"), "Mail.Read") {
		t.Errorf("%v", q)
	}
}

// A handler that starts a sign-in with itself as the return path ends like other loops.
func TestB14_HandlersThatStartSignInsForThemselvesComeToAnEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.starts(fibermsal.SignInOptions{To: "/start"})
	b := s.browser()
	rounds := 0
	for ; rounds < 6; rounds++ {
		a := b.Navigate("/start")
		if a.StatusCode != http.StatusSeeOther {
			break
		}
		b.Send(b.approve(b.Navigate(a.Location()).Location(), adele).Request())
	}
	if rounds != 3 {
		t.Errorf("%d rounds", rounds)
	}
}

// The options of a handler's sign-in are bound to the browser's session, and cannot be changed during
// the redirect.
func TestA16_StartedSignInsAreSealed(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.starts(fibermsal.SignInOptions{LoginHint: alex, To: "/guarded"})
	b, other := s.browser(), s.browser()
	b.signIn(adele)
	login := b.Navigate("/start").Location()
	if strings.Contains(login, "hint") || strings.Contains(login, url.QueryEscape(alex)) {
		t.Errorf("readable: %s", login)
	}
	for name, q := range map[string]url.Values{
		"another browser": query(t, other.Navigate(login).Location()),
		"changed":         query(t, b.Navigate(strings.Replace(login, "ask=", "ask=A", 1)).Location()),
		"beside it":       query(t, b.Navigate("/user/login?login_hint="+alex+"&prompt=login&domain_hint=x&ui_locales=de").Location()),
	} {
		if q.Get("login_hint") != "" || q.Get("prompt") != "" || q.Get("domain_hint") != "" || q.Get("ui_locales") != "" {
			t.Errorf("%s: %v", name, q)
		}
	}
}

func TestBeforeSignIn_ChangesAndRefusesSignIns(t *testing.T) {
	t.Parallel()
	var seen []fibermsal.SignInOptions
	s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.BeforeSignIn = func(c *fiber.Ctx, o *fibermsal.SignInOptions) error {
			seen = append(seen, *o)
			switch c.Get("X-Test") {
			case "refuse":
				return fibermsal.ErrForbidden
			case "hint":
				o.LoginHint, o.Parameters = alex, map[string]string{"ui_locales": "fr"}
			case "elsewhere":
				o.To = "/user/../elsewhere"
			case "scopes":
				o.Scopes = append(o.Scopes, "Mail.Read")
			case "invalid":
				o.Parameters = map[string]string{"nonce": "x"}
			}
			return nil
		}
	})
	s.starts(fibermsal.SignInOptions{Prompt: fibermsal.PromptLogin, DomainHint: "contoso.com", To: "/guarded"})
	b := s.browser()
	begin := func(path, test string) *answer {
		r := navigation(http.MethodGet, path)
		r.Header.Set("X-Test", test)
		return b.Send(r)
	}
	if a := begin("/user/login?to=/guarded", "refuse"); a.StatusCode != http.StatusForbidden {
		t.Errorf("refused: %d to %q", a.StatusCode, a.Location())
	}
	if a := begin("/user/login", "invalid"); a.StatusCode != http.StatusInternalServerError {
		t.Errorf("invalid: %d to %q", a.StatusCode, a.Location())
	}
	if q := query(t, begin("/user/login", "hint").Location()); q.Get("login_hint") != alex || q.Get("ui_locales") != "fr" {
		t.Errorf("hint: %v", q)
	}
	if q := query(t, begin("/user/login", "scopes").Location()); !strings.HasSuffix(q.Get("scope"), "User.Read Mail.Read") {
		t.Errorf("scopes: %v", q)
	}
	if a := b.Send(b.approve(begin("/user/login?to=/guarded", "elsewhere").Location(), adele).Request()); a.Location() != "/" {
		t.Errorf("elsewhere: %q", a.Location())
	}
	seen = nil
	q := query(t, begin(b.Navigate("/start").Location(), "").Location())
	if len(seen) != 1 || seen[0].Prompt != fibermsal.PromptLogin || seen[0].DomainHint != "contoso.com" || seen[0].To != "/guarded" || q.Get("prompt") != "login" {
		t.Errorf("the hook saw %+v, Entra gets %v", seen, q)
	}
}

// The requirements of a page apply regardless of what the hook does.
func TestBeforeSignIn_CannotWeakenASignIn(t *testing.T) {
	t.Parallel()
	s := newInteractiveSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.BeforeSignIn = func(_ *fiber.Ctx, o *fibermsal.SignInOptions) error {
			*o = fibermsal.SignInOptions{}
			return nil
		}
	})
	b := s.browser()
	b.signIn(adele)
	q := b.authorize("/step-up")
	var claims map[string]map[string]any
	if err := json.Unmarshal([]byte(q.Get("claims")), &claims); err != nil || claims["id_token"]["acrs"] == nil {
		t.Errorf("%v: %v", q, err)
	}
}

func TestEntratest_OnlyExternalIDRegistersUsers(t *testing.T) {
	t.Parallel()
	for external, options := range map[bool][]entratest.Option{false: nil, true: {entratest.WithExternalID()}} {
		s := newSite(t, newIDP(t, options...))
		s.starts(fibermsal.SignInOptions{Prompt: fibermsal.PromptCreate})
		b := s.browser()
		b.Send(b.approve(b.Navigate(b.Navigate("/start").Location()).Location(), adele).Request())
		if signedIn := b.user() == adele; signedIn != external {
			t.Errorf("External ID %t: signed in %t", external, signedIn)
		}
	}
}
