package fibermsal_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// neighbourhood is an app with a single storage for fibermsal's records and for the data of Fiber's
// middlewares.
func neighbourhood(t *testing.T, server *redistest.Server) *site {
	t.Helper()
	idp := newRegistration(t)
	storage, err := fibermsal.RedisStorage(patiently(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = storage.Close() })
	s := newSite(t, idp, func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = storage, [][]byte{testKey(1)} })
	shareStorage(s.app, storage)
	return s
}

// attacks are requests by which an attacker makes other middlewares use a key.
func attacks(key string) map[string]*http.Request {
	with := func(method, path string, header ...string) *http.Request {
		r := request(method, path, "")
		for i := 0; i < len(header); i += 2 {
			r.Header.Add(header[i], header[i+1])
		}
		return r
	}
	return map[string]*http.Request{
		"csrf, read":        with("GET", "/csrf", "Cookie", "csrf_="+key),
		"csrf, used":        with("POST", "/csrf", "Cookie", "csrf_="+key, "X-Csrf-Token", key, "Referer", publicURL+"/"),
		"csrf, used once":   with("POST", "/csrf-once", "Cookie", "csrf_="+key, "X-Csrf-Token", key, "Referer", publicURL+"/"),
		"cache":             with("GET", "/cache", "X-Key", key),
		"cache of a body":   with("GET", "/cache", "X-Key", strings.TrimSuffix(key, "_body")),
		"limiter":           with("GET", "/limiter", "X-Key", key),
		"idempotency":       with("POST", "/idempotency", "X-Key", key),
		"idempotency again": with("POST", "/idempotency", "X-Key", key),
	}
}

// names returns the keys that an attacker can compute from known data, which is the client ID, the
// attacker's own cookie, the state of a sign-in that the attacker has begun, and the user's name.
func namesAnOutsiderKnows(idp *entratest.Server, cookie, state string) []string {
	app := sha256.Sum256([]byte(idp.ClientID))
	prefix := "fm:" + base64.RawURLEncoding.EncodeToString(app[:6]) + ":"
	hash := func(of string) string {
		sum := sha256.Sum256([]byte(of))
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	own, _ := record.SessionID(cookie)
	return []string{
		prefix, prefix + "{" + own + "}:s", prefix + "{" + own + "}:t", prefix + "{" + own + "}:l", prefix + "u:" + hash(state),
		own, cookie, idp.ClientID, adele, prefix + "i:" + adele, prefix + "i:{" + hash(adele)[:4] + "}:" + hash(adele)[:24],
	}
}

// usedAttempts are the keys that ensure that an authorization response is accepted only once.
func usedAttempts(server *redistest.Server) (keys []string) {
	for _, key := range server.Keys() {
		if strings.Contains(key, ":u:") {
			keys = append(keys, key)
		}
	}
	return keys
}

// If an attacker makes other middlewares use known key names, other users are not affected. Their
// sessions remain, the lists remain complete, and a used response remains used. Attackers can at most
// lose their own session.
func TestE7_NeighboursOnTheSameStorageChangeNothing(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := neighbourhood(t, server)
	victim := s.browser()
	victim.signIn(adele)
	before := sessionsOf(t, s)
	for i, key := range namesAnOutsiderKnows(s.idp, strings.Repeat("A", 43), strings.Repeat("A", 43)) {
		for name, r := range attacks(key) {
			if a := s.strike(r); a.StatusCode >= 500 && !strings.HasPrefix(name, "idempotency") && !strings.HasPrefix(name, "cache") && !strings.HasPrefix(name, "limiter") {
				t.Errorf("%d %s: status %d %s", i, name, a.StatusCode, a.Text)
			}
		}
	}
	for attack := range attacks("") {
		attacker := s.browser()
		response := attacker.approve(attacker.start(""), alex)
		jarBefore := attacker.Jar
		jar := browsertest.Jar{}
		for name, c := range jarBefore {
			jar[name] = c
		}
		if a := attacker.Send(response.Request()); a.StatusCode != http.StatusSeeOther {
			t.Fatalf("sign-in: status %d", a.StatusCode)
		}
		names := namesAnOutsiderKnows(s.idp, attacker.session(), response.Values.Get("state"))
		if used := usedAttempts(server); slices.Contains(used, names[4]) {
			t.Fatalf("an outsider can compute the key of an attempt: %v", used)
		} else {
			names = append(names, used...) // as if they could
		}
		if !slices.Contains(server.Keys(), names[1]) {
			t.Fatalf("the test does not know the names: %v\n%v", names, server.Keys())
		}
		for _, key := range names {
			s.strike(attacks(key)[attack])
		}
		if a := attacker.Get("/guarded"); a.StatusCode != http.StatusOK && a.StatusCode != http.StatusUnauthorized || a.StatusCode == http.StatusOK && a.Text != "hello "+alex {
			t.Errorf("%s on the own session: status %d %s", attack, a.StatusCode, a.Text)
		}
		if a := attacker.Get("/token"); a.StatusCode >= 500 || a.StatusCode == http.StatusOK && a.Text != alex {
			t.Errorf("%s on the own tokens: status %d %s", attack, a.StatusCode, a.Text)
		}
		again := s.browserWith(jar)
		if a := again.Send(response.Request()); again.session() != "" {
			t.Errorf("%s: a used response was good again: status %d", attack, a.StatusCode)
		}
		if victim.user() != adele || victim.Get("/token").Text != adele {
			t.Errorf("%s: the other user is signed out", attack)
		}
	}
	after := sessionsOf(t, s)
	for id, user := range before {
		if after[id] != user {
			t.Errorf("the session of %s is no longer listed", user)
		}
	}
	person, _ := s.idp.User(adele)
	if _, err := s.auth.UserByID(t.Context(), s.idp.TenantID, person.ID); err != nil {
		t.Errorf("no longer found: %v", err)
	}
}

// An attacker who knows the name of another user's record, for example from a dump, can end the session
// with the help of a careless middleware, but do nothing else.
func TestE7_ClobberedRecordIsNobody(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := neighbourhood(t, server)
	for attack := range attacks("") {
		b := s.browser()
		b.signIn(adele)
		content, _ := server.Client().Get(t.Context(), keysWith(server, b.session())[0]).Bytes()
		for _, key := range keysWith(server, b.session()) {
			if a := s.strike(attacks(key)[attack]); len(content) > 0 && bytes.Contains([]byte(a.Text), content) {
				t.Errorf("%s hands out a record", attack)
			}
		}
		for _, path := range []string{"/guarded", "/token", "/user/info"} {
			a := b.Get(path)
			ok := a.StatusCode == http.StatusOK && (strings.Contains(a.Text, adele) || strings.Contains(a.Text, `"authenticated":false`))
			if !ok && a.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s, then %s: status %d %s", attack, path, a.StatusCode, a.Text)
			}
		}
		again := s.browser()
		again.signIn(adele)
		if again.user() != adele {
			t.Errorf("%s: no sign-in any more", attack)
		}
	}
}

// strike sends an attack. The response and the cookies of the other middlewares are ignored.
func (s *site) strike(r *http.Request) *answer {
	s.t.Helper()
	resp, err := testApp(s.app, r)
	if err != nil {
		s.t.Fatal(err)
	}
	return browsertest.Read(s.t, resp)
}

// sessionsOf returns the users of all listed sessions.
func sessionsOf(t *testing.T, s *site) map[string]string {
	t.Helper()
	sessions := map[string]string{}
	for info, err := range s.auth.Sessions(t.Context(), fibermsal.SessionFilter{Before: time.Now().Add(time.Hour)}) {
		if err != nil {
			t.Fatal(err)
		}
		sessions[info.ID] = info.User.Username
	}
	return sessions
}

func TestE13_AppsOnOneStorageDoNotMeet(t *testing.T) {
	t.Parallel()
	l := newLedger()
	one := newSite(t, newIDP(t), onLedger(l)).browser()
	one.signIn(adele)
	idp := newIDP(t)
	two := newSite(t, idp, onLedger(l), func(cfg *fibermsal.Config) { cfg.ClientID = "00000000-0000-0000-0000-000000000002" })
	b := two.browserWith(one.Jar)
	if b.user() != "" {
		t.Error("the session of another app counts")
	}
	key := l.key("s")
	_, name, _ := strings.Cut(key, "{")
	rest := "{" + name
	for _, prefix := range []string{"fm:", "fm:AAAAAAAA:"} {
		l.copy(key, prefix+rest)
	}
	if b.user() != "" {
		t.Error("a copied record counts")
	}
}

func TestE13_AnotherAppOfTheSameRegistrationAcceptsNoSession(t *testing.T) {
	t.Parallel()
	const elsewhere = "https://admin.example"
	server, idp := redistest.Start(t), newIDP(t, withMail(), entratest.WithRedirectURI(elsewhere+"/user/authorized"))
	one := newSite(t, idp, on(t, server))
	two := newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) { cfg.PublicURL = elsewhere },
		withHook(func(context.Context, *fibermsal.SignIn) error { return errors.New("nobody") }))
	prefixed := newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) { cfg.RoutePrefix = "/other" })
	b := one.browser()
	b.signIn(adele)
	tenant, id := userOf(t, b)
	for name, s := range map[string]*site{"another origin": two, "another prefix": prefixed} {
		for _, path := range []string{"/guarded", "/token"} {
			r := request(http.MethodGet, path, "")
			r.AddCookie(b.Jar[sessionCookie])
			if a := s.send(r); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s, %s: status %d %s", name, path, a.StatusCode, a.Text)
			}
		}
		if n := strings.Count(s.log.String(), "session_refused"); n != 1 || strings.Contains(s.log.String(), "seal_mismatch") {
			t.Errorf("%s: audited %d times\n%s", name, n, s.log)
		}
		if u, err := s.auth.UserByID(t.Context(), tenant, id); !errors.Is(err, fibermsal.ErrNotSignedIn) {
			t.Errorf("%s, a worker: %v, %v", name, u, err)
		}
		if n, err := s.auth.EndSessions(t.Context(), fibermsal.SessionFilter{ID: collect(t, one.auth, fibermsal.SessionFilter{})[0].ID}); n != 0 || err != nil {
			t.Errorf("%s: %d ended, %v", name, n, err)
		}
		if report, err := s.auth.CleanSessions(t.Context(), fibermsal.CleanOptions{}); err != nil || report != (fibermsal.CleanReport{Alive: 1}) {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
	if b.user() != adele {
		t.Error("the first app's session ended")
	}
	if u, err := newSite(t, idp, on(t, server)).auth.UserByMail(t.Context(), adele); err != nil || u.ID != id {
		t.Errorf("a worker of the first app: %v", err)
	}
	spelled := newSite(t, idp, on(t, server), func(cfg *fibermsal.Config) { cfg.PublicURL = publicURL + ":443" })
	if _, err := spelled.auth.UserByMail(t.Context(), adele); err != nil {
		t.Errorf("an instance that spells the port of https: %v", err)
	}
	// A session of a version that did not record the app of a session.
	b.vault(server).rewriteSession(func(fields map[string]any) { delete(fields, "origin") })
	if b.user() != adele {
		t.Error("an earlier version's session ended")
	}
}
