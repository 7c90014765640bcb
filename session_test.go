package fibermsal_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestD1_EverySignInBeginsANewSessionAndEndsTheOld(t *testing.T) {
	t.Parallel()
	for _, mode := range []fibermsal.ResponseMode{fibermsal.FormPost, fibermsal.Query} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			l := newLedger()
			s := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) { cfg.ResponseMode = mode })
			attacker, victim := s.browser(), s.browser()
			attacker.signIn(alex)
			planted := attacker.session()
			victim.jar[sessionCookie] = attacker.jar[sessionCookie]
			victim.signIn(adele)
			if victim.session() == planted {
				t.Error("the planted id was adopted")
			}
			if victim.user() != adele || attacker.user() != "" {
				t.Errorf("victim %q, attacker %q", victim.user(), attacker.user())
			}
			if n := len(l.keys()); n != 2 {
				t.Errorf("%d records, want the session and its tokens: %v", n, l.keys())
			}
			before := victim.session()
			victim.signIn(adele)
			if victim.session() == before {
				t.Error("signing in again kept the id")
			}
		})
	}
}

func TestD2_UnknownAndMalformedIDsAreNobody(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	unknown := base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	for name, row := range map[string]struct {
		value string
		reads int
	}{
		"unknown":            {unknown, 1},
		"short":              {"x", 0},
		"long":               {strings.Repeat("x", 4<<10), 0},
		"path":               {"../../etc/passwd", 0},
		"escape":             {"%00", 0},
		"43 wrong letters":   {strings.Repeat("!", 43), 0},
		"one less":           {unknown[:42], 0},
		"one more":           {unknown + "A", 0},
		"loose last bits":    {unknown[:42] + "9", 0},
		"standard alphabet":  {"+" + unknown[1:], 0},
		"storage key prefix": {"fm:", 0},
	} {
		before, _ := l.count()
		r := request(http.MethodGet, "/guarded", "")
		r.Header.Set("Cookie", sessionCookie+"="+row.value)
		a := s.send(r)
		after, sets := l.count()
		if a.StatusCode != http.StatusUnauthorized || after-before != row.reads || sets != 0 {
			t.Errorf("%s: status %d, %d reads, %d writes", name, a.StatusCode, after-before, sets)
		}
	}
}

func TestD3_StorageKeysAreNoSessions(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	var browsers []*browser
	for _, login := range []string{adele, alex} {
		b := s.browser()
		b.signIn(login)
		browsers = append(browsers, b)
	}
	l.change(func(values map[string][]byte) {
		values["page_GET_body"] = []byte("forged")
		values[strings.Repeat("A", 43)] = []byte(`{"user":{"oid":"admin"}}`)
	})
	var first string
	for _, key := range append(l.keys(), strings.Trim(strings.Split(l.key("s"), ":")[2], "{}")) {
		r := request(http.MethodGet, "/guarded", "")
		r.Header.Set("Cookie", sessionCookie+"="+key)
		a := s.send(r)
		body := withoutCorrelationID(a.body)
		if a.StatusCode != http.StatusUnauthorized || (first != "" && body != first) {
			t.Errorf("%s: status %d %s", key, a.StatusCode, body)
		}
		first = body
	}
	for _, key := range l.keys() {
		for _, b := range browsers {
			if strings.Contains(key, b.session()) || strings.Contains(key, b.session()[:20]) {
				t.Errorf("the key %s contains a cookie", key)
			}
		}
	}
}

func withoutCorrelationID(body string) string {
	before, after, _ := strings.Cut(body, `"correlation_id":"`)
	_, after, _ = strings.Cut(after, `"`)
	return before + after
}

func TestD4_CookieAttributes(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		mode         fibermsal.ResponseMode
		flowSameSite http.SameSite
	}{
		"form_post": {fibermsal.FormPost, http.SameSiteNoneMode},
		"query":     {fibermsal.Query, http.SameSiteLaxMode},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.ResponseMode = row.mode }).browser()
			authorize := b.start("")
			for cookieName, c := range b.jar {
				assertHostCookie(t, cookieName, c)
				if c.SameSite != row.flowSameSite || c.MaxAge != 600 {
					t.Errorf("flow cookie: SameSite %v, Max-Age %d", c.SameSite, c.MaxAge)
				}
			}
			a := b.do(b.approve(authorize, adele).Request())
			c := a.cookie(sessionCookie)
			assertHostCookie(t, sessionCookie, c)
			if c.SameSite != http.SameSiteLaxMode || len(c.Value) > 64 {
				t.Errorf("session cookie: %v", c)
			}
			if len(b.jar) != 1 {
				t.Errorf("the flow cookie is still there: %v", b.jar)
			}
			out := b.do(request(http.MethodPost, "/user/logout", ""))
			assertHostCookie(t, "expired "+sessionCookie, out.cookie(sessionCookie))
			if len(b.jar) != 0 {
				t.Errorf("left after the sign-out: %v", b.jar)
			}
		})
	}
}

func assertHostCookie(t *testing.T, name string, c *http.Cookie) {
	t.Helper()
	if c == nil || !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
		t.Errorf("%s: %+v", name, c)
	}
}

func TestD5_TwoCookiesOfOneNameAreNone(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	one, two := s.browser(), s.browser()
	one.signIn(adele)
	two.signIn(alex)
	a, b := sessionCookie+"="+one.session(), sessionCookie+"="+two.session()
	for _, cookies := range [][]string{{a + "; " + b}, {b + "; " + a}, {a + "; " + a}, {a, b}} {
		r := request(http.MethodGet, "/guarded", "")
		r.Header["Cookie"] = cookies
		if got := s.send(r); got.StatusCode != http.StatusUnauthorized {
			t.Errorf("%d cookies: status %d %s", len(cookies), got.StatusCode, got.body)
		}
	}
	if one.user() != adele {
		t.Error("the real session is gone")
	}
}

func TestD6_SessionIDsAreRandom(t *testing.T) {
	t.Parallel()
	auth := newSite(t, newIDP(t)).auth
	const count = 1_000_000
	seen, octets := make(map[[32]byte]struct{}, count), [32][256]int{}
	for range count {
		id, err := auth.NewSessionID()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := base64.RawURLEncoding.DecodeString(id)
		if err != nil || len(raw) != 32 {
			t.Fatalf("an id of %d bytes, %v", len(raw), err)
		}
		seen[[32]byte(raw)] = struct{}{}
		for i, octet := range raw {
			octets[i][octet]++
		}
	}
	if len(seen) != count {
		t.Errorf("%d of %d ids are unique", len(seen), count)
	}
	// Of each bit half are set, with a standard deviation of 500: all 256 of fair ones are
	// within six of them but once in two million runs.
	for bit := range 256 {
		n := 0
		for octet, times := range octets[bit/8] {
			n += times * (octet >> (bit % 8) & 1)
		}
		if off := n - count/2; off > 3000 || off < -3000 {
			t.Errorf("bit %d is set in %d of %d ids", bit, n, count)
		}
	}
}

func TestD6_SignInsUseThem(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	seen := map[string]bool{}
	for range 50 {
		b := s.browser()
		b.signIn(adele)
		if raw, err := base64.RawURLEncoding.DecodeString(b.session()); err != nil || len(raw) != 32 || seen[b.session()] {
			t.Fatalf("id of %d bytes, seen before: %v", len(raw), seen[b.session()])
		}
		seen[b.session()] = true
	}
}

func TestD6_RandomnessThatFailsAtTheCallbackIsA500AndNoCookie(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	b := s.browser()
	response := b.approve(b.start(""), adele)
	s.auth.BreakRandomness()
	a := b.do(response.Request())
	if a.StatusCode != http.StatusInternalServerError || a.cookie(sessionCookie) != nil || len(l.keys()) != 0 {
		t.Errorf("status %d, cookies %v, stored %v", a.StatusCode, a.Cookies(), l.keys())
	}
}

// brokenRandomness makes the test binary a program without random numbers.
const brokenRandomness = "FIBERMSAL_TEST_BROKEN_RANDOMNESS"

func TestD6_NoRandomnessIsA500AndNoCookie(t *testing.T) {
	t.Parallel()
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), brokenRandomness+"=1")
	out, err := program.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "status 500, 0 cookies") {
		t.Errorf("%v\n%s", err, out)
	}
}

type noRandomness struct{}

func (noRandomness) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

// serveWithoutRandomness is what this test binary does instead of testing when
// brokenRandomness is set: the random source belongs to the whole process.
func serveWithoutRandomness() int {
	idp := entratest.New(entratest.WithRedirectURI(redirectURI))
	cfg := configFor(idp)
	cfg.Keys = [][]byte{testKey(1)}
	rand.Reader = noRandomness{}
	app := fiber.New()
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app)
	resp, err := app.Test(request(http.MethodGet, "/user/login", ""), -1)
	if err != nil {
		println(err.Error())
		return 1
	}
	defer func() { _ = resp.Body.Close() }()
	os.Stdout.WriteString("status " + resp.Status[:3] + ", " + string(rune('0'+len(resp.Cookies()))) + " cookies\n")
	return 0
}

func TestD7_SignOutRemovesTheSessionEverywhere(t *testing.T) {
	t.Parallel()
	l := newLedger()
	idp := newIDP(t)
	here, there := newSite(t, idp, onLedger(l)), newSite(t, idp, onLedger(l))
	b := here.browser()
	b.signIn(adele)
	elsewhere := &browser{site: there, jar: map[string]*http.Cookie{sessionCookie: b.jar[sessionCookie]}}
	if elsewhere.user() != adele {
		t.Fatal("the other instance does not know the session")
	}
	b.do(request(http.MethodPost, "/user/logout", ""))
	if elsewhere.user() != "" || b.user() != "" {
		t.Error("still signed in")
	}
	if keys := l.keys(); len(keys) != 0 {
		t.Errorf("left: %v", keys)
	}
}

func TestD8_SignOutWinsOverARefreshInFlight(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			l := newLedger()
			b := newSite(t, newIDP(t), onLedger(l)).browser()
			b.signIn(adele)
			time.Sleep(2 * time.Hour)
			b.idp.Fault(entratest.Token, entratest.Fault{Times: 1, Delay: time.Second})
			cookie := b.jar[sessionCookie]
			go func() {
				r := request(http.MethodGet, "/token", "")
				r.AddCookie(cookie)
				b.send(r)
			}()
			time.Sleep(500 * time.Millisecond)
			b.do(request(http.MethodPost, "/user/logout", ""))
			time.Sleep(2 * time.Second)
			if keys := l.keys(); len(keys) != 0 {
				t.Errorf("came back: %v", keys)
			}
		})
	}
}

func TestD10_StorageDownAtSignOutIsA503WithoutTheCookieAndEndsTheSessionLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		b := newSite(t, newIDP(t), onLedger(l)).browser()
		b.signIn(adele)
		stolen := b.jar[sessionCookie]
		l.fail(true, true)
		a := b.do(request(http.MethodPost, "/user/logout", ""))
		if a.StatusCode != http.StatusServiceUnavailable || b.session() != "" {
			t.Errorf("status %d, cookie %q", a.StatusCode, b.session())
		}
		time.Sleep(time.Minute)
		l.fail(false, false)
		b.jar[sessionCookie] = stolen
		if a := b.get("/user/info"); a.json(t)["authenticated"] != false {
			t.Errorf("signed in again when the storage was back: %s", a.body)
		}
		time.Sleep(5 * time.Second)
		if left := l.keys(); len(left) != 0 {
			t.Errorf("left in the storage: %v", left)
		}
	})
}

func TestD10_ClosingTriesOnceMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, back := range map[string]bool{"storage is back": true, "still down": false} {
			l := newLedger()
			s := newSite(t, newIDP(t), onLedger(l))
			b := s.browser()
			b.signIn(adele)
			l.fail(true, true)
			b.do(request(http.MethodPost, "/user/logout", ""))
			time.Sleep(100 * time.Millisecond) // the breaker is closed: one failure is none
			l.fail(!back, !back)
			if err := s.app.Shutdown(); err != nil {
				t.Error(err)
			}
			if gone := len(l.keys()) == 0; gone != back {
				t.Errorf("%s: %v", name, l.keys())
			}
		}
	})
}

func TestD11_IdleAndAbsoluteEnd(t *testing.T) {
	for name, row := range map[string]struct {
		every, until time.Duration
		alive        bool
	}{
		"used often, before the absolute end": {20 * time.Minute, 9 * time.Hour, true},
		"used often, after the absolute end":  {20 * time.Minute, 11 * time.Hour, false},
		"idle for too long":                   {61 * time.Minute, 2 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
					cfg.IdleTimeout, cfg.AbsoluteTimeout = time.Hour, 10*time.Hour
				}).browser()
				b.signIn(adele)
				for passed := time.Duration(0); passed < row.until; passed += row.every {
					time.Sleep(row.every)
					b.user()
				}
				if alive := b.user() == adele; alive != row.alive {
					t.Errorf("alive: %v", alive)
				}
			})
		})
	}
}

func TestD11_SlidingWritesAreRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		b := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) { cfg.IdleTimeout = time.Hour }).browser()
		b.signIn(adele)
		_, before := l.count()
		for range 360 { // an hour of one request every 10 seconds
			time.Sleep(10 * time.Second)
			b.user()
		}
		_, after := l.count()
		if touches := (after - before) / 2; touches > 11 || touches < 9 {
			t.Errorf("%d touches in an idle period", touches)
		}
	})
}

func TestD15_CookiesOfManyFlowsFitTheHeader(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.signIn(adele)
	for range 30 {
		b.start("/reports/" + strings.Repeat("x", 60))
	}
	flows, size := 0, 0
	for name, c := range b.jar {
		size += len(name) + len(c.Value) + 3
		if name != sessionCookie {
			flows++
		}
		if len(c.Value) > 700 {
			t.Errorf("%s has %d bytes", name, len(c.Value))
		}
	}
	if flows > 7 || flows < 3 || size > 3<<10 {
		t.Errorf("%d flows, %d bytes of cookies", flows, size)
	}
	if len(b.session()) > 64 {
		t.Errorf("the session cookie has %d bytes", len(b.session()))
	}
	authorize := b.start(strings.Repeat("/long", 400))
	if a := b.do(b.approve(authorize, adele).Request()); a.location() != "/" {
		t.Errorf("a path too long for the cookie leads to %q", a.location())
	}
}

func TestOutage_IsNeverASignOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		b := newSite(t, newIDP(t), onLedger(l)).browser()
		b.app.Get("/maybe", func(c *fiber.Ctx) error {
			_, ok := fibermsal.FromContext(c)
			return c.JSON(ok)
		})
		b.signIn(adele)
		before := b.session()
		l.fail(true, true)
		for _, path := range []string{"/guarded", "/user/info", "/token", "/maybe"} {
			a := b.get(path)
			if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || len(a.Cookies()) != 0 {
				t.Errorf("%s: status %d, cookies %v", path, a.StatusCode, a.Cookies())
			}
			if a := b.navigate(path); a.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("%s: a navigation got %d", path, a.StatusCode)
			}
		}
		if a := b.get("/"); a.StatusCode != http.StatusOK {
			t.Errorf("a page that asks nobody: status %d", a.StatusCode)
		}
		l.fail(false, false)
		time.Sleep(time.Second)
		if b.session() != before || b.user() != adele {
			t.Error("the outage signed the user out")
		}
	})
}

func TestOutage_AnonymousOnlyByChoice(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) { cfg.AnonymousOnOutage = true }).browser()
	b.app.Get("/maybe", func(c *fiber.Ctx) error {
		_, ok := fibermsal.FromContext(c)
		return c.JSON(ok)
	})
	b.signIn(adele)
	l.fail(true, true)
	if a := b.get("/maybe"); a.StatusCode != http.StatusOK || a.body != "false" {
		t.Errorf("status %d %s", a.StatusCode, a.body)
	}
	if a := b.get("/guarded"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("guarded: status %d", a.StatusCode)
	}
}

func TestRequire_SendsPeopleToSignInAndTellsPrograms(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	for name, row := range map[string]struct {
		method  string
		headers map[string]string
		status  int
	}{
		"navigation":               {"GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 303},
		"navigation, old browser":  {"GET", map[string]string{"Accept": "text/html"}, 303},
		"fetch":                    {"GET", map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": "text/html"}, 401},
		"frame":                    {"GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe", "Accept": "text/html"}, 401},
		"XMLHttpRequest":           {"GET", map[string]string{"X-Requested-With": "XMLHttpRequest", "Accept": "text/html"}, 401},
		"no headers":               {"GET", nil, 401},
		"form post":                {"POST", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": "text/html"}, 401},
		"JSON":                     {"GET", map[string]string{"Accept": "application/json"}, 401},
		"HEAD":                     {"HEAD", map[string]string{"Accept": "text/html"}, 401},
		"DELETE, pretending":       {"DELETE", map[string]string{"Accept": "text/html", "X-HTTP-Method-Override": "GET"}, 401},
		"image of another website": {"GET", map[string]string{"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 401},
	} {
		r := request(row.method, "/guarded?a=1&b=/x", "")
		for header, value := range row.headers {
			r.Header.Set(header, value)
		}
		a := s.send(r)
		if a.StatusCode != row.status {
			t.Errorf("%s: status %d, want %d", name, a.StatusCode, row.status)
		}
		switch {
		case row.status == 303 && a.location() != "/user/login?to=%2Fguarded%3Fa%3D1%26b%3D%2Fx":
			t.Errorf("%s: Location %q", name, a.location())
		case row.status == 401 && row.headers["Accept"] != "text/html":
			if a.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: Content-Type %q", name, a.Header.Get("Content-Type"))
			}
			if p := a.json(t); p["code"] != "login_required" || p["login_url"] != "/user/login" || p["status"] != float64(401) {
				t.Errorf("%s: %s", name, a.body)
			}
		}
	}
}

func TestD4_SpellingOfThePublicURLDoesNotWeakenCookies(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.PublicURL = "HTTPS://App.Example/" }).browser()
	authorize := b.start("")
	if q := query(t, authorize); q.Get("redirect_uri") != redirectURI || q.Get("response_mode") != "form_post" {
		t.Errorf("authorize: %s", authorize)
	}
	for name, c := range b.jar {
		assertHostCookie(t, name, c)
	}
}

func TestOutage_HandlersOwnErrorsDoNotHideIt(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	b.app.Get("/own", func(c *fiber.Ctx) error {
		if _, ok := fibermsal.FromContext(c); !ok {
			return fiber.ErrUnauthorized
		}
		return nil
	})
	b.signIn(adele)
	l.fail(true, true)
	if a := b.get("/own"); a.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("status %d", a.StatusCode)
	}
	if strings.Contains(b.log.String(), "storage-password") || !strings.Contains(b.log.String(), "storage is down") {
		t.Errorf("the cause in the log:\n%s", b.log)
	}
}

func TestRequire_ChecksDecide(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	ran := 0
	guard := func(err error) fiber.Handler {
		return fibermsal.Require(
			func(_ *fiber.Ctx, u *fibermsal.User) error { u.ID = "changed"; return nil },
			func(_ *fiber.Ctx, u *fibermsal.User) error {
				if u.ID == "changed" {
					t.Error("one check's user is another's")
				}
				return err
			})
	}
	handler := func(c *fiber.Ctx) error { ran++; return c.SendString("in") }
	b.app.Get("/yes", guard(nil), handler)
	b.app.Get("/fiber", guard(fiber.ErrForbidden), handler)
	b.app.Get("/ours", guard(&fibermsal.Error{Code: "too_late", Status: http.StatusForbidden, Message: "Office hours are over."}), handler)
	b.signIn(adele)
	if a := b.get("/yes"); a.body != "in" {
		t.Errorf("yes: %d %s", a.StatusCode, a.body)
	}
	if a := b.get("/fiber"); a.StatusCode != http.StatusForbidden {
		t.Errorf("fiber: %d", a.StatusCode)
	}
	if a := b.navigate("/ours"); a.StatusCode != http.StatusForbidden || !strings.Contains(a.body, "Office hours") {
		t.Errorf("ours: %d %s", a.StatusCode, a.body)
	}
	if ran != 1 {
		t.Errorf("the handler ran %d times", ran)
	}
}

func TestSession_RememberedOneIsDroppedWhenTheRecordChanges(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l))
	mine, theirs := s.browser(), s.browser()
	mine.signIn(adele)
	key := l.key("s")
	if mine.user() != adele { // decoded and remembered now
		t.Fatal("not signed in")
	}
	theirs.signIn(alex)
	for _, other := range l.keys() {
		if strings.HasSuffix(other, ":s") && other != key {
			l.copy(other, key)
		}
	}
	if got := mine.user(); got != "" {
		t.Errorf("signed in as %q by a record that does not open", got)
	}
}

func TestSession_NewerFormatsAreLeftAlone(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	b.signIn(adele)
	key := l.key("s")
	l.change(func(values map[string][]byte) {
		newer := append([]byte{}, values[key]...)
		newer[0] = 2
		values[key] = newer
	})
	if b.user() != "" || b.session() == "" || l.key("s") == "" {
		t.Error("an instance that is one release behind must not end the session")
	}
}

func TestD1_SessionGainedMeanwhileEndsToo(t *testing.T) {
	t.Parallel()
	l := newLedger()
	s := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) { cfg.ResponseMode = fibermsal.Query })
	b, other := s.browser(), s.browser()
	response := b.approve(b.start(""), adele)
	other.signIn(alex)
	b.jar[sessionCookie] = other.jar[sessionCookie]
	b.do(response.Request())
	if b.user() != adele || other.user() != "" || len(l.keys()) != 2 {
		t.Errorf("%q, %q, %v", b.user(), other.user(), l.keys())
	}
}

func TestD1_OldSessionThatCannotEndStopsTheSignIn(t *testing.T) {
	t.Parallel()
	l := newLedger()
	b := newSite(t, newIDP(t), onLedger(l)).browser()
	b.signIn(adele)
	response := b.approve(b.start(""), alex)
	l.failDeletes(true)
	a := b.do(response.Request())
	l.failDeletes(false)
	if a.StatusCode != http.StatusServiceUnavailable || a.cookie(sessionCookie) != nil || b.user() != adele {
		t.Errorf("status %d, user %q", a.StatusCode, b.user())
	}
}

func TestD7_SignOutTellsEntraWho(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t)).browser()
	b.signIn(adele)
	a := b.do(request(http.MethodPost, "/user/logout", ""))
	if query(t, a.location()).Get("logout_hint") == "" {
		t.Errorf("Location %q", a.location())
	}
}

func TestOutage_StaleSessionsOnlyByChoiceAndForAWhile(t *testing.T) {
	for name, row := range map[string]struct {
		choice time.Duration
		after  time.Duration
		served bool
	}{
		"not chosen":        {0, time.Second, false},
		"chosen, soon":      {5 * time.Minute, 4 * time.Minute, true},
		"chosen, too late":  {5 * time.Minute, 6 * time.Minute, false},
		"chosen, but ended": {15 * time.Minute, 12 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLedger()
				s := newSite(t, newIDP(t), onLedger(l), func(cfg *fibermsal.Config) {
					cfg.StaleSessionsOnOutage, cfg.IdleTimeout, cfg.AbsoluteTimeout = row.choice, 10*time.Minute, 10*time.Minute
				})
				b, stranger := s.browser(), s.browser()
				b.signIn(adele)
				b.get("/token")
				l.fail(true, true)
				time.Sleep(row.after)
				for _, path := range []string{"/guarded", "/token"} {
					if a := b.get(path); (a.StatusCode == http.StatusOK) != row.served || (!row.served && a.StatusCode != http.StatusServiceUnavailable) {
						t.Errorf("%s: status %d", path, a.StatusCode)
					}
				}
				stranger.jar[sessionCookie] = &http.Cookie{Name: sessionCookie, Value: strings.Repeat("A", 43)}
				if a := stranger.get("/guarded"); a.StatusCode != http.StatusServiceUnavailable {
					t.Errorf("somebody never seen: status %d", a.StatusCode)
				}
			})
		})
	}
}
