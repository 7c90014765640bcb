package fibermsal_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

func collect(t *testing.T, a *fibermsal.Auth, f fibermsal.SessionFilter) []fibermsal.SessionInfo {
	t.Helper()
	var all []fibermsal.SessionInfo
	for info, err := range a.Sessions(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info)
	}
	return all
}

func userOf(t *testing.T, b *browser) (tenant, id string) {
	t.Helper()
	info := b.get("/user/info").json(t)
	tenant, _ = info["tid"].(string)
	id, _ = info["oid"].(string)
	return tenant, id
}

func TestD12_AUsersSessionsEndOnAllInstances(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	here, there := newSite(t, idp, on(t, server)), newSite(t, idp, on(t, server))
	admin := newSite(t, idp, on(t, server)).auth // a third instance
	var browsers []*browser
	for _, s := range []*site{here, there, here} {
		b := s.browser()
		b.signIn(adele)
		browsers = append(browsers, b)
	}
	other := there.browser()
	other.signIn(alex)
	tenant, id := userOf(t, browsers[0])
	if n := len(collect(t, admin, fibermsal.SessionFilter{TenantID: tenant, UserID: id})); n != 3 {
		t.Errorf("%d sessions listed", n)
	}
	ended, err := admin.EndSessions(t.Context(), fibermsal.SessionFilter{TenantID: tenant, UserID: id})
	if err != nil || ended != 3 {
		t.Fatalf("%d ended: %v", ended, err)
	}
	for i, b := range browsers {
		for _, s := range []*site{here, there} {
			b.site = s
			if a := b.do(ways["fetch"]("/guarded")); a.StatusCode != http.StatusUnauthorized {
				t.Errorf("session %d: %d", i, a.StatusCode)
			}
		}
	}
	if other.user() != alex {
		t.Error("somebody else was signed out")
	}
	if left := collect(t, admin, fibermsal.SessionFilter{}); len(left) != 1 || left[0].User.Username != alex {
		t.Errorf("left: %v", left)
	}
}

func TestAdministration_ListsAndEndsWhatIsSelected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l))
		auth := s.auth
		var browsers []*browser
		for _, login := range []string{adele, alex, adele} {
			b := s.browser()
			b.signIn(login)
			browsers = append(browsers, b)
			time.Sleep(time.Hour)
		}
		all := collect(t, auth, fibermsal.SessionFilter{})
		if len(all) != 3 {
			t.Fatalf("%d sessions", len(all))
		}
		tenant, id := userOf(t, browsers[0])
		of := collect(t, auth, fibermsal.SessionFilter{TenantID: tenant, UserID: id})
		if len(of) != 2 || !of[0].User.SignedInAt.After(of[1].User.SignedInAt) || of[0].User.Username != adele || of[0].ID == of[1].ID {
			t.Errorf("of one user: %+v", of)
		}
		for name, row := range map[string]struct {
			filter fibermsal.SessionFilter
			want   int
		}{
			"nobody's":        {fibermsal.SessionFilter{TenantID: tenant, UserID: "x"}, 0},
			"another tenant":  {fibermsal.SessionFilter{TenantID: "x", UserID: id}, 0},
			"by id":           {fibermsal.SessionFilter{ID: of[1].ID}, 1},
			"by id, not his":  {fibermsal.SessionFilter{ID: of[1].ID, TenantID: tenant, UserID: "x"}, 0},
			"no such id":      {fibermsal.SessionFilter{ID: "x"}, 0},
			"before the last": {fibermsal.SessionFilter{Before: of[0].User.SignedInAt}, 2},
			"user and before": {fibermsal.SessionFilter{TenantID: tenant, UserID: id, Before: of[0].User.SignedInAt}, 1},
		} {
			if got := collect(t, auth, row.filter); len(got) != row.want {
				t.Errorf("%s: %d", name, len(got))
			}
		}
		if _, err := auth.EndSessions(t.Context(), fibermsal.SessionFilter{}); err == nil {
			t.Error("a forgotten filter ends everything")
		}
		if _, err := auth.EndSessions(t.Context(), fibermsal.SessionFilter{UserID: id}); err == nil {
			t.Error("a user without a tenant")
		}
		if n, err := auth.EndSessions(t.Context(), fibermsal.SessionFilter{ID: of[1].ID}); err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
		if browsers[0].user() != "" || browsers[1].user() != alex || browsers[2].user() != adele {
			t.Error("the wrong one ended")
		}
		l.fail(true, true)
		if _, err := auth.EndSessions(t.Context(), fibermsal.SessionFilter{ID: of[0].ID}); !errors.Is(err, fibermsal.ErrUnavailable) {
			t.Errorf("storage down: %v", err)
		}
		l.fail(false, false)
		if n, err := auth.EndSessions(t.Context(), fibermsal.SessionFilter{Before: time.Now()}); err != nil || n != 2 {
			t.Errorf("all: %d, %v", n, err)
		}
	})
}

func TestE12_OneUserHasBoundedSessions(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := newSite(t, newIDP(t), on(t, server))
	admin := s.auth
	first := s.browser()
	first.signIn(adele)
	tenant, id := userOf(t, first)
	const signIns = 130 // the bound is 100
	for range signIns {
		s.browser().signIn(adele)
	}
	if n := len(collect(t, admin, fibermsal.SessionFilter{TenantID: tenant, UserID: id})); n != 100 {
		t.Errorf("%d sessions", n)
	}
	if first.user() != "" {
		t.Error("the oldest session lives, and nobody could end it")
	}
	server.Dump() // fails for keys without an end
	if records := recordsOfSessions(t, server.Keys()); len(records) != 100 {
		t.Errorf("records of %d sessions", len(records))
	}
}

func TestE12_SigningInAgainInABrowserEndsNoOtherSession(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	first, last := s.browser(), s.browser()
	first.signIn(adele)
	tenant, id := userOf(t, first)
	for range 98 {
		s.browser().signIn(adele)
	}
	for range 3 {
		last.signIn(adele) // the hundredth, and twice in its place
	}
	if first.user() != adele || last.user() != adele {
		t.Errorf("%q is signed in with the oldest session, and %q with the newest", first.user(), last.user())
	}
	if n := len(collect(t, s.auth, fibermsal.SessionFilter{TenantID: tenant, UserID: id})); n != 100 {
		t.Errorf("%d sessions", n)
	}
	if s.browser().signIn(adele); first.user() != "" {
		t.Error("the oldest of 101 lives")
	}
}

func TestE12_SessionsThatWereReplacedDoNotCount(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	quiet, busy := s.browser(), s.browser()
	quiet.signIn(adele)
	for i := range 130 {
		busy.signIn([]string{adele, alex}[i%10/9]) // also somebody else, for a while
	}
	if quiet.user() != adele {
		t.Error("a second browser ended the session of the first")
	}
}

func TestFrontChannel_SignOutAtEntraEndsTheSession(t *testing.T) {
	t.Parallel()
	server, idp := redistest.Start(t), newIDP(t)
	s, other := newSite(t, idp, on(t, server)), newSite(t, idp, on(t, server))
	b, elsewhere := s.browser(), s.browser()
	response := b.approve(b.start(""), adele)
	sid := response.Values.Get("session_state")
	if a := b.do(response.Request()); a.StatusCode != http.StatusSeeOther {
		t.Fatal(a.StatusCode)
	}
	elsewhere.signIn(adele)
	frame := func(query string) *answer {
		t.Helper()
		r := request(http.MethodGet, "/user/frontchannel-logout"+query, "")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Dest", "iframe")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		return other.send(r) // no cookie of ours, on the other instance
	}
	for name, row := range map[string]struct {
		query  string
		status int
	}{
		"no sid":           {"", 400},
		"odd sid":          {"?sid=" + url.QueryEscape("*<script>"), 400},
		"long sid":         {"?sid=" + strings.Repeat("a", 5000), 400},
		"somebody's":       {"?sid=00000000-0000-0000-0000-000000000000", 200},
		"another's issuer": {"?sid=" + sid + "&iss=" + url.QueryEscape("https://evil.example/v2.0"), 400},
	} {
		if a := frame(row.query); a.StatusCode != row.status {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	if b.user() != adele {
		t.Fatal("signed out by a request that should not")
	}
	a := frame("?sid=" + sid + "&iss=" + url.QueryEscape(idp.Authority+"/v2.0"))
	if a.StatusCode != http.StatusOK || a.Header.Get("X-Frame-Options") != "" || !strings.Contains(a.Header.Get("Content-Security-Policy"), "frame-ancestors https://login.entra.test") ||
		!strings.Contains(a.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("%d %v", a.StatusCode, a.Header)
	}
	if b.user() != "" || elsewhere.user() != adele {
		t.Errorf("afterwards %q here, %q elsewhere", b.user(), elsewhere.user())
	}
}

func TestFrontChannel_StorageDownIsSaidAndMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l))
		b := s.browser()
		response := b.approve(b.start(""), adele)
		b.do(response.Request())
		l.failDeletes(true)
		a := s.send(request(http.MethodGet, "/user/frontchannel-logout?sid="+response.Values.Get("session_state"), ""))
		if a.StatusCode != http.StatusServiceUnavailable || b.user() != "" {
			t.Errorf("%d, %q is signed in", a.StatusCode, b.user())
		}
		l.failDeletes(false)
		time.Sleep(5 * time.Second)
		if left := l.keys(); len(left) != 0 {
			t.Errorf("left: %v", left)
		}
	})
}

func TestD13_AnotherAccountInTheSameBrowserFindsNothingOfTheFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t), withHook(func(_ context.Context, s *fibermsal.SignIn) error {
		return s.Set("first_seen_as", s.User.Username)
	}))
	b := s.browser()
	b.signIn(adele)
	first := b.jar[sessionCookie]
	b.signIn(alex)
	info := b.get("/user/info")
	if b.user() != alex || strings.Contains(info.body, adele) || b.get("/token").body != alex {
		t.Errorf("%s", info.body)
	}
	b.jar[sessionCookie] = first
	if b.user() != "" {
		t.Error("the first session lives on")
	}
}

func TestC11_SpellingsOfARouteAreNoWayRoundIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	b := s.browser()
	b.signIn(adele)
	paths := []string{
		"/User/Logout", "/user//logout", "/user/logout/", "/%75ser/logout", "/user/%6cogout", "/user/logout%2f", "/user/./logout", "/x/../user/logout",
		"/user/login" + strings.Repeat("/a", 40), "/USER/INFO/x", "/user/logout;x=1",
	}
	for _, path := range paths {
		a := b.do(crossSite(navigation(http.MethodGet, path)))
		if !slices.Contains([]int{http.StatusOK, http.StatusNotFound}, a.StatusCode) || a.location() != "" {
			t.Errorf("%s: %d %q", path, a.StatusCode, a.location())
		}
		if b.user() != adele {
			t.Fatalf("%s signed out from another site", path)
		}
	}
	for _, path := range []string{"/Guarded", "/guarded/", "/%67uarded", "//guarded"} {
		if a := s.browser().do(ways["fetch"](path)); a.StatusCode != http.StatusUnauthorized && a.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
}

func TestC12_NoOtherOriginMayReadAnswers(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.signIn(adele)
	for _, path := range []string{"/user/info", "/user/login", "/user/logout", "/user/authorized", "/user/frontchannel-logout?sid=00000000-0000-0000-0000-000000000000"} {
		r := request(http.MethodGet, path, "")
		r.Header.Set("Origin", "https://evil.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		a := b.do(r)
		for name := range a.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s: %s", path, name, a.Header.Get(name))
			}
		}
	}
}

func TestB13_MistakesOfTheConfigurationLetNobodyIn(t *testing.T) {
	t.Parallel()
	if _, err := fibermsal.Open(fibermsal.Config{}); err == nil {
		t.Error("the zero Config is accepted")
	}
	for name, change := range map[string]func(*fibermsal.Config){
		"short key":       func(cfg *fibermsal.Config) { cfg.Storage, cfg.Keys = newLedger(), [][]byte{make([]byte, 16)} },
		"http authority":  func(cfg *fibermsal.Config) { cfg.Authority = strings.Replace(cfg.Authority, "https", "http", 1) },
		"storage, no key": func(cfg *fibermsal.Config) { cfg.Storage = newLedger() },
	} {
		cfg := configFor(newIDP(t))
		change(&cfg)
		if _, err := fibermsal.Open(cfg); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	b.signIn(adele)
	l.fail(true, true)
	for way, ask := range ways {
		if a := b.do(ask("/guarded")); a.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("storage down, by %s: %d", way, a.StatusCode)
		}
	}
	if err := fibermsal.All(fibermsal.Any())(nil, &fibermsal.User{}); err == nil {
		t.Error("no check is a check that passes")
	}
}

func TestAdministration_TellsTheBrowserOnlyIfAskedTo(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0":                                                           "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0":            "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile Safari/604.1": "Safari on iOS",
		"<script>secret</script>": "unknown on unknown",
	} {
		for _, asked := range []bool{true, false} {
			s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.RecordBrowser = asked })
			b := s.browser()
			r := b.approve(b.start(""), adele).Request()
			r.Header.Set("User-Agent", agent)
			b.do(r)
			all := collect(t, s.auth, fibermsal.SessionFilter{})
			if len(all) != 1 || (asked && all[0].Browser != want) || (!asked && all[0].Browser != "") {
				t.Errorf("%s, asked %v: %+v", agent, asked, all)
			}
		}
	}
}
