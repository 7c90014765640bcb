package fibermsal_test

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/storedtest"
)

// In a rolling deployment, sign-ins that an instance of one version has begun are completed by
// one of the next.
func TestStored_SignInsThatEarlierVersionsBeganAreCompleted(t *testing.T) {
	for commit, file := range storedtest.Each[storedtest.SignInFile](t, ".", storedtest.SignIns) {
		for mode, signIns := range file.Modes {
			t.Run(commit+"/"+mode, func(t *testing.T) { checkSignIns(t, mode, file.Key, signIns) })
		}
	}
}

// The sign-ins of this version are those of the files, so that a file for it can be written.
func TestStored_SignInsOfThisVersionAreCompleted(t *testing.T) {
	idp := newIDP(t)
	file := &storedtest.SignInFile{
		ClientID: idp.ClientID, Authority: idp.Authority, RedirectURI: redirectURI, Key: []byte(storedKey),
		Modes: map[string]*storedtest.SignInMode{},
	}
	for _, mode := range []string{string(fibermsal.ResponseModeFormPost), string(fibermsal.ResponseModeQuery)} {
		synctest.Test(t, func(t *testing.T) { file.Modes[mode] = recordSignIns(t, mode) })
		t.Run(mode, func(t *testing.T) { checkSignIns(t, mode, file.Key, file.Modes[mode]) })
	}
	storedtest.Write(t, ".", storedtest.SignIns, &file.Origin, file)
}

// resumed is a sign-in that another version has begun.
type resumed struct {
	*browser
	storedtest.SignIn
	storage *ledger
}

// resumeSignIn continues a sign-in at the time at which it was recorded.
func resumeSignIn(t *testing.T, mode string, key []byte, from *storedtest.SignInMode, in storedtest.SignIn) *resumed {
	t.Helper()
	if string(key) != storedKey {
		t.Fatal("another key")
	}
	time.Sleep(time.Until(in.At))
	l := newLedger()
	l.values = maps.Clone(from.Records)
	s := newStoredSite(t, mode, l)
	r := &resumed{s.browser(), in, l}
	for name, value := range in.Cookies {
		c := &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
		if name != sessionCookie && mode == string(fibermsal.ResponseModeFormPost) {
			c.SameSite = http.SameSiteNoneMode
		}
		r.Jar[name] = c
	}
	return r
}

// signInChecks are what is checked of each sign-in that is recorded, each from its beginning.
var signInChecks = map[string][]func(*resumed){
	"path":                   {leadsTo("/reports?x=1")},
	"replaces":               {endsTheSession, isAdministered},
	"long page":              {isTheLastOf(longPage)},
	"longest page, login":    {isTheLastOf(longestPage)},
	"claims, login":          {asks("", "claims", `"nbf"`), leadsTo("/challenge")},
	"/scope, login":          {asks(adele, "scope", "Mail.Read", "login_hint", "O."), shows("/scope")},
	"/max-age, login":        {asks(adele, "prompt", "login"), shows("/max-age")},
	"/step-up, login":        {asks(adele, "claims", `"acrs":{"essential":true,"value":"c1"}`), shows("/step-up"), requiresContext},
	"/broken, login":         {asks(adele, "prompt", "none", "login_hint", "O."), isSilent, isNobodyElses},
	"another account, login": {asks(adele, "prompt", "select_account"), leadsTo("/role")},
	"/scope":                 {shows("/scope")},
	"/max-age":               {shows("/max-age")},
	"/step-up":               {shows("/step-up"), requiresContext},
	"/broken":                {isSilent, isNobodyElses},

	"started by a handler, login": {asks(adele, started...), leadsTo("/guarded")},
	"started by a handler":        {asks(adele, started...), leadsTo("/guarded")},
}

// started are parameters of a sign-in that a handler starts.
var started = []string{"prompt", "login", "login_hint", alex, "domain_hint", "contoso.com", "ui_locales", "de", "scope", "Mail.Read"}

// sinceLater are kinds of sign-ins that the first versions did not support.
var sinceLater = []string{"started by a handler, login", "started by a handler"}

func checkSignIns(t *testing.T, mode string, key []byte, signIns *storedtest.SignInMode) {
	t.Helper()
	recorded := map[string]bool{}
	for _, in := range signIns.SignIns {
		recorded[in.Name] = true
		if signInChecks[in.Name] == nil {
			t.Errorf("%q is not checked", in.Name)
		}
		for _, check := range signInChecks[in.Name] {
			t.Run(in.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { check(resumeSignIn(t, mode, key, signIns, in)) })
			})
		}
	}
	for name := range signInChecks {
		if !recorded[name] && !slices.Contains(sinceLater, name) {
			t.Errorf("%q is not recorded", name)
		}
	}
}

// authorize returns the authorize URL, to which the login URL leads.
func (r *resumed) authorize() string {
	r.t.Helper()
	if r.AuthorizeURL == "" {
		r.AuthorizeURL = r.Navigate(r.LoginURL).Location()
	}
	return r.AuthorizeURL
}

// authorizeWithout returns the authorize URL without a parameter, which the user has removed.
func (r *resumed) authorizeWithout(parameter string) string {
	r.t.Helper()
	u, err := url.Parse(r.authorize())
	if err != nil {
		r.t.Fatal(err)
	}
	q := u.Query()
	q.Del(parameter)
	u.RawQuery = q.Encode()
	return u.String()
}

// completes lets Adele sign in, and returns the answer of the app.
func (r *resumed) completes() *answer {
	r.t.Helper()
	a := r.Send(r.approve(r.authorize(), adele).Request())
	if a.StatusCode != http.StatusSeeOther || r.user() != adele {
		r.t.Fatalf("status %d, %q is signed in\n%s\n%s", a.StatusCode, r.user(), a.Text, r.log)
	}
	return a
}

// leadsToItsPage checks that the browser gets to the page that the version has stored. Earlier versions
// did not store long paths.
func leadsToItsPage(r *resumed) {
	page := r.Path
	if r.LoginURL != "" {
		page = query(r.t, r.LoginURL).Get("to")
	}
	leadsTo(cmp.Or(page, "/"))(r)
}

func leadsTo(page string) func(*resumed) {
	return func(r *resumed) {
		if a := r.completes(); a.Location() != page {
			r.t.Errorf("it leads to %q", a.Location())
		}
	}
}

func shows(page string) func(*resumed) {
	return func(r *resumed) {
		leadsTo(page)(r)
		if a := r.Navigate(page); a.Text != "shown" {
			r.t.Errorf("status %d to %q", a.StatusCode, a.Location())
		}
	}
}

// asks checks that the parameters of the authorize request contain a text.
func asks(user string, parameters ...string) func(*resumed) {
	return func(r *resumed) {
		if r.user() != user {
			r.t.Errorf("%q is signed in before", r.user())
		}
		for i := 0; i < len(parameters); i += 2 {
			if got := query(r.t, r.authorize()).Get(parameters[i]); !strings.Contains(got, parameters[i+1]) {
				r.t.Errorf("%s is %q", parameters[i], got)
			}
		}
	}
}

func endsTheSession(r *resumed) {
	if r.user() != adele {
		r.t.Error("there is no session to end")
	}
	leadsTo("/guarded")(r)
	for _, key := range r.storage.keys() {
		if strings.Contains(key, r.Session) {
			r.t.Errorf("%s is left", key)
		}
	}
}

// isAdministered checks that the session, which is in a storage without lists, is found after its first
// use.
func isAdministered(r *resumed) {
	time.Sleep(time.Hour) // or it is not written again yet
	tenant, id := userOf(r.t, r.browser)
	filter := fibermsal.SessionFilter{TenantID: tenant, UserID: id}
	if found := collect(r.t, r.auth, filter); len(found) != 1 || found[0].ID != r.Session {
		r.t.Errorf("%d sessions are found", len(found))
	}
	if user, err := r.auth.UserByID(r.t.Context(), tenant, id); err != nil || user.Username != adele {
		r.t.Errorf("a worker: %v", err)
	}
	if n, err := r.auth.EndSessions(r.t.Context(), filter); err != nil || n != 1 || r.user() != "" {
		r.t.Errorf("%d ended, %v", n, err)
	}
}

// isTheLastOf checks that the sign-in is counted for its page, even if the path was too long to keep.
func isTheLastOf(page string) func(*resumed) {
	return func(r *resumed) {
		leadsToItsPage(r)
		if a := r.Navigate(page); a.StatusCode != http.StatusForbidden || !strings.Contains(a.Text, "did not help") {
			r.t.Errorf("the page requires yet another sign-in: %d", a.StatusCode)
		}
	}
}

// requiresContext checks that the user cannot remove the authentication context.
func requiresContext(r *resumed) {
	a := r.Send(r.approve(r.authorizeWithout("claims"), adele).Request())
	r.assertRejected(a, http.StatusBadRequest, "auth_context_missing")
}

func isSilent(r *resumed) {
	before := r.session()
	if a := r.silently(r.authorize(), adele); a.Location() != "/broken" || r.session() == before || r.user() != adele {
		r.t.Errorf("it leads to %q\n%s", a.Location(), r.log)
	}
}

// isNobodyElses checks that no other user can be signed in without a confirmation page.
func isNobodyElses(r *resumed) {
	if a := r.silently(r.authorizeWithout("login_hint"), alex); !strings.HasPrefix(a.Location(), "/user/login?") || r.user() != adele {
		r.t.Errorf("it leads to %q, and %q is signed in", a.Location(), r.user())
	}
}

// silently answers with the session that a user has at Entra.
func (r *resumed) silently(authorize, user string) *answer {
	r.t.Helper()
	sso := r.idp.NewBrowser()
	if _, err := sso.SignIn(r.site.browser().start(""), user); err != nil {
		r.t.Fatal(err)
	}
	response, err := sso.SignIn(authorize, user)
	if err != nil || response.Values.Get("code") == "" {
		r.t.Fatalf("%v, %v", response, err)
	}
	return r.Send(response.Request())
}
