package fibermsal_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

// link returns the target and the text of the main action of a page.
func link(t *testing.T, a *answer) (target, text string) {
	t.Helper()
	_, after, _ := strings.Cut(a.Text, `<a href="`)
	target, after, ok := strings.Cut(after, `">`)
	if !ok {
		t.Fatalf("%d without a main action: %s", a.StatusCode, a.Text)
	}
	text, _, _ = strings.Cut(after, "<")
	return strings.ReplaceAll(target, "&amp;", "&"), text
}

// mainAction follows the main action of a page, and returns where that leads at Entra.
func (b *browser) mainAction(a *answer) url.Values {
	b.t.Helper()
	target, _ := link(b.t, a)
	next := b.Navigate(target)
	if next.StatusCode != http.StatusSeeOther {
		b.t.Fatalf("%s: %d %s", target, next.StatusCode, next.Text)
	}
	return query(b.t, next.Location())
}

// refused returns the page that a browser gets for an error response to its sign-in for a page.
func (b *browser) refused(authorizeURL string, fields ...string) *answer {
	b.t.Helper()
	form := url.Values{"state": {state(b.t, authorizeURL)}}
	for _, field := range fields {
		name, value, _ := strings.Cut(field, "=")
		form.Set(name, value)
	}
	return b.Send(callback(form.Encode()))
}

func TestRefusal_OfTheAccountOffersAnother(t *testing.T) {
	t.Parallel()
	refuse := func(err error) func(*fibermsal.Config) {
		return func(cfg *fibermsal.Config) {
			cfg.OnSignIn = func(_ context.Context, in *fibermsal.SignIn) error {
				if in.User.Username == adele {
					return err
				}
				return nil
			}
		}
	}
	for name, change := range map[string]func(*fibermsal.Config){
		"OnSignIn":                       refuse(errors.New("not on the list")),
		"OnSignIn with ErrForbidden":     refuse(fibermsal.ErrForbidden),
		"OnSignIn with an error of ours": refuse(&fibermsal.Error{Code: "own", Status: http.StatusForbidden, Message: "Only for members."}),
		"OnSignIn that wants a sign-in":  refuse(fibermsal.ErrLoginRequired),
		"its tenant":                     func(*fibermsal.Config) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, newIDP(t), change)
			if name == "its tenant" {
				s.idp.TamperIDToken(func(token *entratest.IDToken) {
					if token.Claims["preferred_username"] == adele {
						moveTo(token.Claims, otherTenant)
					}
				})
			}
			b, sso := s.browser(), s.idp.NewBrowser()
			b.Navigate("/guarded?x=1") // required by a page, as usual
			authorize := b.start("/guarded?x=1")
			for range 5 { // it may be refused as often as the user likes
				response, err := sso.SignIn(authorize, adele)
				if err != nil {
					t.Fatal(err)
				}
				a := b.Send(response.Request())
				if _, text := link(t, a); a.StatusCode < 400 || text != "Use another account" {
					t.Fatalf("%d, %q\n%s", a.StatusCode, text, a.Text)
				}
				target, _ := link(t, a)
				authorize = b.Navigate(target).Location()
				if q := query(t, authorize); q.Get("prompt") != "select_account" || q.Has("login_hint") {
					t.Fatalf("it leads to %v", q)
				}
			}
			back := b.Send(b.approve(authorize, alex).Request())
			if back.Location() != "/guarded?x=1" || b.Navigate(back.Location()).Text != "hello "+alex {
				t.Errorf("the other account leads to %q\n%s", back.Location(), s.log)
			}
		})
	}
}

// Entra may refuse an account only when the code is redeemed, as Conditional Access does.
func TestRefusal_OfTheAccountByTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	for number, words := range map[int]string{
		50105: "no access to this app", 50020: "does not belong to", 53003: "does not allow this sign-in", 50057: "locked or disabled",
	} {
		b := newSite(t, newIDP(t)).browser()
		b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, OAuth: &entratest.OAuthError{Error: "invalid_grant", Codes: []int{number}}})
		a := b.Send(b.approve(b.start("/guarded"), adele).Request())
		if q := b.mainAction(a); a.StatusCode != http.StatusBadRequest || !strings.Contains(a.Text, words) || q.Get("prompt") != "select_account" {
			t.Errorf("%d: %d, then %v\n%s", number, a.StatusCode, q, a.Text)
		}
	}
}

func TestRefusal_ByAFaultKeepsTheAccount(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.OnSignIn = func(context.Context, *fibermsal.SignIn) error { return fibermsal.ErrUnavailable }
	}).browser()
	a := b.Send(b.approve(b.start("/guarded"), adele).Request())
	if q := b.mainAction(a); a.StatusCode != http.StatusServiceUnavailable || q.Get("prompt") != "" {
		t.Errorf("%d, and then %v", a.StatusCode, q)
	}
}

// Only a user who cancelled gets this page.
func TestRefusal_SaysWhatHappened(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	for name, row := range map[string]struct {
		fields    []string
		status    int
		words     string
		cancelled bool
		prompt    string
	}{
		"cancelled":            {[]string{"error=access_denied", "error_subcode=cancel"}, 400, "Nothing has changed", true, ""},
		"cancelled, no more":   {[]string{"error=access_denied"}, 400, "Nothing has changed", true, ""},
		"declined":             {[]string{"error=access_denied", "error_description=AADSTS65004: x"}, 400, "permissions were not granted", false, ""},
		"declined by Cancel":   {[]string{"error=access_denied", "error_subcode=cancel", "error_description=AADSTS65004: x"}, 400, "permissions were not granted", false, ""},
		"not assigned":         {[]string{"error=access_denied", "error_description=AADSTS50105: x"}, 400, "no access to this app", false, "select_account"},
		"not assigned, by id":  {[]string{"error=invalid_request", "error_description=AADSTS50105: x"}, 400, "no access to this app", false, "select_account"},
		"of another tenant":    {[]string{"error=access_denied", "error_description=AADSTS50020: x"}, 400, "does not belong to", false, "select_account"},
		"not in the tenant":    {[]string{"error=access_denied", "error_description=AADSTS50034: x"}, 400, "does not belong to", false, "select_account"},
		"to be invited":        {[]string{"error=invalid_request", "error_description=AADSTS90072: x"}, 400, "does not belong to", false, "select_account"},
		"of no tenant here":    {[]string{"error=interaction_required", "error_description=AADSTS16000: x"}, 400, "does not belong to", false, "select_account"},
		"of another directory": {[]string{"error=invalid_request", "error_description=AADSTS50178: x"}, 400, "does not belong to", false, "select_account"},
		"a personal account":   {[]string{"error=invalid_request", "error_description=AADSTS500200: x"}, 400, "does not belong to", false, "select_account"},
		"a disabled guest":     {[]string{"error=interaction_required", "error_description=AADSTS500571: x"}, 400, "locked or disabled", false, "select_account"},
		"a wrong platform":     {[]string{"error=invalid_request", "error_description=AADSTS50005: x"}, 400, "does not allow this sign-in", false, "select_account"},
		"blocked":              {[]string{"error=access_denied", "error_description=AADSTS53003: x"}, 400, "does not allow this sign-in", false, "select_account"},
		"wrong device":         {[]string{"error=interaction_required", "error_description=AADSTS53000: x"}, 400, "does not allow this sign-in", false, "select_account"},
		"disabled":             {[]string{"error=access_denied", "error_description=AADSTS50057: x"}, 400, "locked or disabled", false, "select_account"},
		"blocked by Cancel":    {[]string{"error=access_denied", "error_subcode=cancel", "error_description=AADSTS53003: x"}, 400, "does not allow this sign-in", false, "select_account"},
		"by an unknown number": {[]string{"error=access_denied", "error_description=AADSTS99999: x"}, 400, "did not let this account", false, "select_account"},
		"needs an approval":    {[]string{"error=access_denied", "error_description=AADSTS90094: x"}, 403, "must approve this app", false, ""},
		"approval, other code": {[]string{"error=consent_required", "error_description=AADSTS90094: x"}, 403, "must approve this app", false, ""},
		"declined, other code": {[]string{"error=consent_required", "error_description=AADSTS65004: x"}, 400, "permissions were not granted", false, ""},
		"not consented":        {[]string{"error=consent_required", "error_description=AADSTS65001: x"}, 403, "permission that has not been granted", false, ""},
	} {
		a := b.refused(b.start("/guarded"), row.fields...)
		if a.StatusCode != row.status || !strings.Contains(a.Text, row.words) {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
		}
		if got := strings.Contains(a.Text, "cancelled") || strings.Contains(a.Text, "Nothing has changed"); got != row.cancelled {
			t.Errorf("%s: as cancelled: %t", name, got)
		}
		if q := b.mainAction(a); q.Get("prompt") != row.prompt {
			t.Errorf("%s: leads to %v", name, q)
		}
	}
}

// If only an administrator can help, the sign-in is not started again.
func TestRefusal_OfTheAppIsForTheAdministrator(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	for field, status := range map[string]int{
		"invalid_client": 500, "unauthorized_client": 500, "unsupported_response_type": 500, "invalid_resource": 500,
		"invalid_scope": 400, "invalid_request": 400,
	} {
		a := b.refused(b.start("/guarded"), "error="+field, "error_description=AADSTS700016: x")
		if a.StatusCode != status || strings.Contains(a.Text, "start again") || !strings.Contains(a.Text, "tell the administrator") || strings.Contains(a.Text, ">Sign in<") {
			t.Errorf("%s: %d %s", field, a.StatusCode, a.Text)
		}
	}
	if log := s.log.String(); !strings.Contains(log, "AADSTS700016") || strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("a response, which anybody can write, is logged as\n%s", log)
	}
}

func TestRefusal_SignedInUsersReadThatTheyStillAre(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, b *browser) {
		t.Helper()
		b.app.Get("/scope", fibermsal.Require(fibermsal.HasScope("Mail.Read")), func(c *fiber.Ctx) error { return c.SendString("mail") })
		b.app.Get("/fresh", fibermsal.Require(fibermsal.HasAuthContext("c1")), func(c *fiber.Ctx) error { return c.SendString("fresh") })
		b.signIn(adele)
		for name, row := range map[string]struct {
			page, words string
			answer      func(authorizeURL string) (*entratest.Response, error)
		}{
			"declined permission": {"/scope", "The permission was not granted", func(u string) (*entratest.Response, error) { return b.idp.Decline(u, adele) }},
			"declined, other code": {"/scope", "The permission was not granted", func(u string) (*entratest.Response, error) {
				response, err := b.idp.Decline(u, adele) // as in microsoft-authentication-library-for-dotnet#1736
				if err == nil {
					response.Values.Set("error", "consent_required")
				}
				return response, err
			}},
			"cancelled permission": {"/scope", "The permission was not granted", b.idp.Cancel},
			"cancelled step-up":    {"/fresh", "The sign-in was cancelled", b.idp.Cancel},
		} {
			response, err := row.answer(b.Navigate(b.Navigate(row.page).Location()).Location())
			if err != nil {
				t.Fatal(err)
			}
			a := b.Send(response.Request())
			if !strings.Contains(a.Text, row.words) || !strings.Contains(a.Text, "You are still signed in") || b.user() != adele {
				t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
			}
			if target, text := link(t, a); text != "Try again" || !strings.Contains(target, "ask=") || !strings.Contains(target, url.QueryEscape(row.page)) {
				t.Errorf("%s: %q leads to %s", name, text, target)
			}
			b.Send(request(http.MethodPost, "/user/logout", ""))
			response, err = b.idp.Cancel(b.start("/scope"))
			if err != nil {
				t.Fatal(err)
			}
			if a := b.Send(response.Request()); strings.Contains(a.Text, "still signed in") {
				t.Errorf("%s: after the sign-out: %s", name, a.Text)
			}
			b.signIn(adele)
		}
	})
}

// Entra reports an error by GET if it could not read the response mode.
func TestA12_ErrorByGETIsRefusedAndItsNumberLogged(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	for _, value := range []string{"", "&state=" + state(t, b.start(""))} {
		a := b.Navigate("/user/authorized?error=invalid_request&error_description=AADSTS70007:+turn+off+the+locks" + value)
		if log := b.log.String(); a.StatusCode != http.StatusMethodNotAllowed || !strings.Contains(log, "AADSTS70007") || strings.Contains(log, "locks") {
			t.Errorf("%d\n%s", a.StatusCode, log)
		}
	}
}

// The AADSTS numbers of all responses are logged, even of forged ones. The advice is only logged if the
// browser itself began the sign-in (threat A10).
func TestA10_ForgedDescriptionsAreNoAdvice(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	other := s.browser()
	foreign := state(t, other.start(""))
	own := func() string { return state(t, other.start("")) }
	for name, row := range map[string]struct {
		state, number string
		advice        bool
	}{
		"no state":                              {"", "50105", false},
		"a made-up state":                       {strings.Repeat("A", 60), "50011", false},
		"a short state":                         {"x", "65004", false},
		"a long state":                          {strings.Repeat("A", 3000), "65004", false},
		"a state of earlier versions":           {strings.Repeat("A", 43), "53003", false},
		"a state of another browser":            {foreign, "50105", false},
		"a state of this one":                   {"own", "50105", true},
		"a number that no response has, secret": {"own", "7000222", false},
		"a number that no response has, target": {"own", "50011", false},
	} {
		t.Log(name)
		before := len(s.log.String())
		b, form := s.browser(), url.Values{"error": {"access_denied"}, "error_description": {"AADSTS" + row.number + ": turn off the locks"}}
		if row.state == "own" {
			b, row.state = other, own()
		}
		if row.state != "" {
			form.Set("state", row.state)
		}
		a := b.Send(callback(form.Encode()))
		log := s.log.String()[before:]
		if a.StatusCode != http.StatusBadRequest || !strings.Contains(log, "AADSTS"+row.number) {
			t.Errorf("%d\n%s", a.StatusCode, log)
		}
		if strings.Contains(log, `"advice"`) != row.advice {
			t.Errorf("advice: %s", log)
		}
		if b != other && strings.Contains(log, "locks") {
			t.Errorf("a stranger's words: %s", log)
		}
	}
}
