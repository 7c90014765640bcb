package fibermsal_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
	"github.com/fibermsal/fibermsal/internal/session"
)

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
		body := withoutCorrelationID(a.Text)
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

// An attacker who can read the names of all keys in a Redis, including those of other libraries, learns
// nothing by sending them as a cookie.
func TestD3_NoKeyOfAPopulatedRedisIsASession(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := newSite(t, newIDP(t, withMail()), on(t, server))
	var browsers []*browser
	for _, login := range slices.Repeat([]string{adele, alex}, 10) {
		b := s.browser()
		b.signIn(login)
		browsers = append(browsers, b)
	}
	ctx, client := t.Context(), server.Client()
	for _, key := range []string{strings.Repeat("A", 43), "page_GET_body", "6a5a8f33-0d3c-4b21-8a7c-5e6b9f0c1d2e"} {
		if err := client.Set(ctx, key, `{"user":{"oid":"admin"}}`, time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for kind := range plantsOfD3 {
		plant(t, server, strings.Repeat(kind[:1], 43), kind)
	}
	var first string
	send := func(value string) {
		t.Helper()
		r := request(http.MethodGet, "/guarded", "")
		r.Header.Set("Cookie", sessionCookie+"="+value)
		a := s.send(r)
		a.Header.Del("Date")
		seen := a.Header.Clone()
		var header strings.Builder
		_ = seen.Write(&header) // to memory
		body := header.String() + withoutCorrelationID(a.Text)
		if first == "" {
			first = body
		}
		if a.StatusCode != http.StatusUnauthorized || body != first {
			t.Errorf("%s: status %d\n%s\nothers:\n%s", value, a.StatusCode, body, first)
		}
	}
	for _, key := range server.Keys() {
		send(key)
		for part := range strings.FieldsFuncSeq(key, func(r rune) bool { return strings.ContainsRune(":{}", r) }) {
			send(part)
			send((part + strings.Repeat("A", 43))[:43]) // of the right size
		}
		for _, b := range browsers {
			if strings.Contains(key, b.session()[:20]) {
				t.Errorf("the key %s contains a cookie", key)
			}
		}
	}
	// If a response depended on an existing key, it would also take another number of commands.
	before := commands(t, server)
	for range 10 {
		send("fm:" + strings.Repeat("A", 40))
	}
	if n := commands(t, server) - before; n != 0 {
		t.Errorf("%d commands for what cannot be an id", n)
	}
	if browsers[0].user() != adele || browsers[1].user() != alex {
		t.Error("somebody was signed out")
	}
}

var plantsOfD3 = map[string]bool{"hash": true, "set": true, "list": true, "zset": true}

func withoutCorrelationID(body string) string {
	before, after, _ := strings.Cut(body, `"correlation_id":"`)
	_, after, _ = strings.Cut(after, `"`)
	return before + after
}

func TestD6_SessionIDsAreRandom(t *testing.T) {
	t.Parallel()
	const count = 1_000_000
	seen, octets := make(map[[32]byte]struct{}, count), [32][256]int{}
	for range count {
		id, err := session.NewToken()
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
	figure.Report(t, figure.Figure{Row: "D6", Name: "session IDs that are not unique", Value: fmt.Sprintf("%d of %d", count-len(seen), count)})
	if len(seen) != count {
		t.Errorf("%d of %d ids are unique", len(seen), count)
	}
	// Each bit is set in half of the IDs, with a standard deviation of 500. With fair bits, all 256 are
	// within six standard deviations, except once in two million runs.
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

// brokenRandomness makes the test binary a program that loses its source of random numbers
// before the request to this route.
const brokenRandomness = "FIBERMSAL_TEST_BROKEN_RANDOMNESS"

func TestD6_NoRandomnessIsA500AndNoCookie(t *testing.T) {
	t.Parallel()
	for _, route := range []string{"login", "authorized"} {
		t.Run(route, func(t *testing.T) {
			t.Parallel()
			program := exec.Command(os.Args[0])
			program.Env = append(os.Environ(), brokenRandomness+"="+route)
			out, err := program.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "status 500, session cookie false, 0 records") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

type noRandomness struct{}

func (noRandomness) Read([]byte) (int, error) { return 0, errors.New("no entropy") }

// serveWithoutRandomness is run by this test binary instead of the tests if brokenRandomness is set,
// because the source of random numbers belongs to the whole process.
func serveWithoutRandomness(route string) error {
	idp := entratest.New(entratest.WithRedirectURI(redirectURI))
	l := newLedger()
	cfg := configFor(idp)
	cfg.Keys, cfg.Storage = [][]byte{testKey(1)}, l
	app := newApp()
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app)
	if route == "login" {
		rand.Reader = noRandomness{}
	}
	resp, err := testApp(app, request(http.MethodGet, "/user/login", ""))
	if err == nil && route == "authorized" {
		resp, err = authorizedWithoutRandomness(app, idp, resp)
	}
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	cookie := slices.ContainsFunc(resp.Cookies(), func(c *http.Cookie) bool { return c.Name == sessionCookie })
	fmt.Printf("status %d, session cookie %t, %d records\n", resp.StatusCode, cookie, len(l.keys()))
	return nil
}

func authorizedWithoutRandomness(app *fiber.App, idp *entratest.Server, login *http.Response) (*http.Response, error) {
	defer func() { _ = login.Body.Close() }()
	response, err := idp.SignIn(login.Header.Get("Location"), adele)
	if err != nil {
		return nil, err
	}
	r := response.Request()
	for _, c := range login.Cookies() {
		r.AddCookie(c)
	}
	rand.Reader = noRandomness{}
	return testApp(app, r)
}
