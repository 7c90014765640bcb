package naive_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

const adele = "AdeleV@contoso.com"

// visitor is the browser of a user. Its tabs may send requests at the same time.
type visitor struct {
	t   *testing.T
	upn string

	mu     sync.Mutex
	cookie string // of the session
}

func newVisitor(t *testing.T, upn string) *visitor {
	t.Helper()
	return &visitor{t: t, upn: upn}
}

// withItsCookie returns another browser with the cookie of this one.
func (v *visitor) withItsCookie() *visitor {
	return &visitor{t: v.t, upn: v.upn, cookie: v.session()}
}

// session returns the value of the session's cookie, or "".
func (v *visitor) session() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.cookie
}

// send sends a request with the session's cookie, and stores the cookie of the response.
func (v *visitor) send(a *app, r *http.Request) *browsertest.Answer {
	v.t.Helper()
	if cookie := v.session(); cookie != "" {
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: cookie})
	}
	response, err := a.web.Test(r, -1)
	if err != nil {
		v.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	answer := browsertest.Read(v.t, response)
	if set := answer.Cookie(sessionCookie); set != nil {
		v.mu.Lock()
		v.cookie = set.Value // "" if it is removed
		v.mu.Unlock()
	}
	return answer
}

func (v *visitor) get(a *app, path string) *browsertest.Answer {
	v.t.Helper()
	return v.send(a, browsertest.Navigation(http.MethodGet, publicURL, path, ""))
}

func (v *visitor) signOut(a *app) *browsertest.Answer {
	v.t.Helper()
	return v.send(a, browsertest.Navigation(http.MethodPost, publicURL, "/logout", ""))
}

// isServed reports whether a page responds with the user's data.
func (v *visitor) isServed(a *app, path string) bool {
	v.t.Helper()
	answer := v.get(a, path)
	return answer.StatusCode == http.StatusOK && answer.Text == v.upn
}

// signIn signs the user in and returns the last answer.
func (v *visitor) signIn(a *app) *browsertest.Answer {
	v.t.Helper()
	begun := v.get(a, "/login")
	if begun.StatusCode != http.StatusFound {
		return begun
	}
	response, err := a.idp.SignIn(begun.Location(), v.upn)
	if err != nil {
		v.t.Fatalf("sign-in at the emulator: %v", err)
	}
	return v.send(a, response.Request())
}

// isAcknowledged reports whether the response to a callback reports success.
func isAcknowledged(a *browsertest.Answer) bool {
	return a.StatusCode == http.StatusFound && a.Location() == "/me"
}

// mustSignIn signs the user in. The test fails if that does not succeed.
func (v *visitor) mustSignIn(a *app) {
	v.t.Helper()
	if answer := v.signIn(a); !isAcknowledged(answer) || !v.isServed(a, "/me") {
		v.t.Fatalf("sign-in of %s: status %d, Location %q\n%s", v.upn, answer.StatusCode, answer.Location(), a.log)
	}
}

// mustSignInBriefly signs the user in with an access token that MSAL considers expired, because it ends
// within five minutes. Tokens that are issued later have the usual lifetime.
func (v *visitor) mustSignInBriefly(a *app) {
	v.t.Helper()
	a.idp.SetAccessTokenLifetime(time.Minute)
	v.mustSignIn(a)
	a.idp.SetAccessTokenLifetime(75 * time.Minute)
	a.idp.ResetRequests()
}

// tokenCalls returns the number of token calls that an emulator has received.
func tokenCalls(idp *entratest.Server) int { return idp.Count(entratest.Token) }
