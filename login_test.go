package fibermsal_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestA6_PKCEIsAlwaysS256(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.idp.AcceptAnyVerifier(true)
	authorize := b.start("")
	q := query(t, authorize)
	if q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43 {
		t.Errorf("authorize: %s", authorize)
	}
	b.Send(b.approve(authorize, adele).Request())
	form := b.idp.Requests(entratest.Token)[0].Form
	if verifier := form.Get("code_verifier"); s256(verifier) != q.Get("code_challenge") {
		t.Errorf("the verifier sent does not match the challenge")
	}
	if form.Get("client_secret") == "" || strings.Contains(authorize, b.idp.ClientSecret) {
		t.Error("the secret belongs into the form of the token call, and nowhere else")
	}
}

func s256(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
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
		"earlier":  {"GET", "Purpose", "prefetch", 503},
		"Firefox":  {"GET", "X-Moz", "prefetch", 503},
		"Safari":   {"GET", "X-Purpose", "preview", 503},
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
	odd := query(t, b.Navigate("/user/login?scope=Directory.ReadWrite.All&prompt=none&claims=%7B%7D&login_hint=x&redirect_uri=https://evil").Location())
	for _, changing := range []string{"state", "nonce", "code_challenge"} {
		plain.Del(changing)
		odd.Del(changing)
	}
	if plain.Encode() != odd.Encode() {
		t.Errorf("authorize URL changed:\n%s\n%s", plain.Encode(), odd.Encode())
	}
}

// A visitor who has begun a sign-in can invent a code for it.
func TestG26_RefusedCodesStoreNothingAndAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l))
		honest := s.browser()
		response := honest.approve(honest.start("/guarded"), adele)
		for i, code := range []string{"x", "1.AAAA", "0.AXoA", "M.C507_BAY", strings.Repeat("1.A", 500)} {
			for range 600 {
				b := s.browser()
				a := b.Send(callback(url.Values{"code": {code}, "state": {state(t, b.start(""))}}.Encode()))
				if a.StatusCode != http.StatusBadRequest && a.StatusCode != http.StatusServiceUnavailable {
					t.Fatalf("code %d: %d %s", i, a.StatusCode, a.Text)
				}
			}
		}
		if _, sets := l.count(); sets != 0 || len(l.keys()) != 0 {
			t.Errorf("%d writes, %v", sets, l.keys())
		}
		if n := s.idp.Count(entratest.Token); n == 0 || n > 250 {
			t.Errorf("%d token calls for 3,000 visitors", n)
		}
		if a := honest.Send(response.Request()); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			t.Errorf("meanwhile: %d", a.StatusCode)
		}
		time.Sleep(time.Second)
		if a := honest.Send(response.Request()); a.Location() != "/guarded" || honest.user() != adele {
			t.Errorf("a second later: %d %s\n%s", a.StatusCode, a.Text, s.log)
		}
		for range 300 { // sign-ins that succeed are not bounded
			s.browser().signIn(alex)
		}
	})
}

// Users for whom Entra has further requirements when their code is redeemed must not be treated as a
// flood.
func TestG26_CodesOfGenuineUsersAreNotBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, newIDP(t))
		s.idp.Fault(entratest.Token, entratest.Fault{Times: 300, OAuth: &entratest.OAuthError{
			Error: "interaction_required", Codes: []int{50076}, Claims: `{"access_token":{"capolids":{"essential":true,"values":["x"]}}}`,
		}})
		for i := range 300 {
			b := s.browser()
			if a := b.Send(b.approve(b.start(""), adele).Request()); a.StatusCode != http.StatusSeeOther {
				t.Fatalf("user %d: %d %s", i, a.StatusCode, a.Text)
			}
		}
		s.browser().signIn(adele)
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
