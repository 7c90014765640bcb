package fibermsal_test

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// Of all requests that browsers and attackers could send, only those with an attempt's own state, code
// and cookie sign its user in.
func TestA1_RandomCombinationsOfStateCookiesAndCallback(t *testing.T) {
	t.Parallel()
	for i, mode := range []fibermsal.ResponseMode{fibermsal.ResponseModeFormPost, fibermsal.ResponseModeQuery} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			random, signIns := rand.New(rand.NewPCG(1, uint64(i))), 0
			for range repeats(500) {
				p := newParts(newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = mode }))
				for range repeats(1000) { // a million in all, if there is time
					signIns += p.try(t, random)
				}
			}
			if signIns == 0 {
				t.Error("no combination was an honest one")
			}
		})
	}
}

// parts are what random callbacks consist of.
type parts struct {
	*site
	attempts []begun
	cookies  map[string][]string
	mode     string
}

// begun is an attempt with its own response, and the cookies that its browser has had since then.
type begun struct {
	login, state, code string
	jars               []browsertest.Jar
}

// newParts begins three sign-ins in each of two browsers.
func newParts(s *site) *parts {
	p := &parts{site: s, cookies: map[string][]string{}}
	for _, login := range []string{adele, alex} {
		b, first := s.browser(), len(p.attempts)
		for _, page := range []string{"/guarded", "/pages/" + noise(1500), "/"} {
			response := b.approve(b.start(page), login)
			p.mode = response.Mode
			p.attempts = append(p.attempts, begun{login: login, state: response.Values.Get("state"), code: response.Values.Get("code")})
			for i := first; i < len(p.attempts); i++ {
				p.attempts[i].jars = append(p.attempts[i].jars, b.Jar.Clone())
			}
			for name, c := range b.Jar {
				p.cookies[name] = append(p.cookies[name], c.Value)
			}
		}
	}
	return p
}

// try sends a random callback, and returns how many users it signs in.
func (p *parts) try(t *testing.T, random *rand.Rand) (signIns int) {
	t.Helper()
	cookies, values := p.someCookies(random), p.someValues(random)
	r := callback(values.Encode())
	if p.mode == "query" {
		r = navigation(http.MethodGet, "/user/authorized?"+values.Encode())
	}
	for _, name := range slices.Sorted(maps.Keys(cookies)) {
		r.AddCookie(&http.Cookie{Name: name, Value: cookies[name]})
	}
	b := p.browser()
	a := b.Send(r)
	if a.StatusCode >= http.StatusInternalServerError {
		t.Fatalf("status %d\n%s\n%v\n%v", a.StatusCode, a.Text, values, cookies)
	}
	if a.Cookie(sessionCookie) == nil {
		return 0
	}
	own := slices.IndexFunc(p.attempts, func(of begun) bool { return of.isOwn(values, cookies) })
	if own < 0 {
		t.Fatalf("a session begins\n%v\n%v", values, cookies)
	}
	if got := b.user(); got != p.attempts[own].login {
		t.Fatalf("the session is %s's\n%v\n%v", got, values, cookies)
	}
	p.attempts[own].code = "" // is spent
	return 1
}

// isOwn reports whether a callback is the attempt's own response in its own browser. A parameter without a
// value counts as omitted (RFC 6749, 3.1).
func (of begun) isOwn(values url.Values, cookies map[string]string) bool {
	if of.code == "" || !slices.Equal(values["state"], []string{of.state}) || !slices.Equal(values["code"], []string{of.code}) || values.Get("error") != "" {
		return false
	}
	return slices.ContainsFunc(of.jars, func(jar browsertest.Jar) bool {
		for name, c := range jar {
			if strings.HasPrefix(name, "__Host-") && cookies[name] != c.Value { // the others hold only paths
				return false
			}
		}
		return true
	})
}

// someCookies returns cookies of both browsers, some of them changed.
func (p *parts) someCookies(random *rand.Rand) map[string]string {
	cookies := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(p.cookies)) {
		switch of := p.cookies[name]; random.IntN(6) {
		case 0:
		case 1:
			cookies[name] = mangled(random, of[random.IntN(len(of))], "ABab01-_%")
		default:
			cookies[name] = of[random.IntN(len(of))]
		}
	}
	return cookies
}

// someValues returns parameters of a response.
func (p *parts) someValues(random *rand.Rand) url.Values {
	const bytes = "ABab01-_%\x00\xff"
	of := p.attempts[random.IntN(len(p.attempts))]
	values := url.Values{"state": {of.state}, "code": {of.code}, "session_state": {"00000000-0000-0000-0000-000000000000"}}
	switch random.IntN(8) {
	case 0:
		values.Set("state", mangled(random, of.state, bytes))
	case 1:
		values.Set("code", mangled(random, of.code+"x", bytes))
	case 2:
		values.Set("code", p.attempts[random.IntN(len(p.attempts))].code)
	case 3:
		values.Del([]string{"state", "code", "session_state"}[random.IntN(3)])
	case 4:
		values.Set("error", []string{"access_denied", "login_required", "", "\x00"}[random.IntN(4)])
		values.Set("error_description", mangled(random, "AADSTS65004: declined", bytes))
	case 5:
		values.Add([]string{"state", "code", "iss", "admin_consent", "tenant", "client_info"}[random.IntN(6)], mangled(random, of.state, bytes))
	}
	return values
}

// mangled returns a text with random changes, or the text itself.
func mangled(random *rand.Rand, text, bytes string) string {
	b := []byte(text)
	for range random.IntN(3) {
		switch at := random.IntN(len(b)); random.IntN(3) {
		case 0:
			b[at] = bytes[random.IntN(len(bytes))]
		case 1:
			b = b[:at+1]
		case 2:
			b = append(b, b[:at]...)
		}
	}
	return string(b)
}
