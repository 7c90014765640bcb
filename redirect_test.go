package fibermsal_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// Values are decoded, stored in a cookie and written into a header during a sign-in and a sign-out. The
// responses must still contain only the library's own headers.
func TestC2_LineBreaksNeverReachAHeader(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.app.Get("/*", fibermsal.Require())
	address := s.onSocket()
	injection := func(lines []string) string {
		for _, line := range lines {
			if lower := strings.ToLower(line); strings.HasPrefix(lower, "x-injected") || strings.HasPrefix(lower, "set-cookie: a=b") || strings.ContainsAny(line, "\r\x00") {
				return line
			}
		}
		return ""
	}
	breaks := []string{
		"%0d%0a", "%0a", "%0d", "%0D%0A", "%250d%250a", "%25250a", "%E5%98%8A%E5%98%8D", "%c4%8a", "%e2%80%a8", "%0b", "%0c", "%85", "%00%0d%0a", "%0d%0a%20", "\\r\\n",
		"\r", "\x00", "\x0b", "\u560d\u560a",
	}
	for _, br := range breaks {
		for _, header := range []string{"Set-Cookie:%20a=b", "X-Injected:%201", "%0d%0aX-Injected:1"} {
			evil := "/x" + br + header
			for _, path := range []string{
				"/user/login?to=" + evil, "/user/login?to=" + br + evil, "/user/login?claims=" + evil, "/user/logout?to=" + evil, "/user/logout?post_logout_redirect_uri=" + evil,
				"/user/authorized?state=" + br + header, "/user/authorized?error=" + br + header, "/user/info?x=" + evil, "/user/frontchannel-logout?sid=" + evil, evil, "/x?" + br + header, "/user" + evil,
			} {
				if bad := injection(rawHeader(t, address, path)); bad != "" {
					t.Errorf("%q: injected %q", path, bad)
				}
			}
			for _, body := range []string{"state=" + br + header, "error=x&error_description=" + br + header + "&state=" + br + header, "code=" + br + header + "&state=" + strings.Repeat("A", 43)} {
				if bad := injection(rawAnswer(t, address, string(rawRequest("POST", "/user/authorized", body, "Content-Type", formType, "Connection", "close")))); bad != "" {
					t.Errorf("callback of %q: injected %q", body, bad)
				}
			}
			if bad := injection(rawAnswer(t, address, string(rawRequest("POST", "/user/logout", "to="+evil, "Content-Type", formType, "Sec-Fetch-Site", "same-origin", "Cookie", sessionCookie+"="+br+header, "Connection", "close")))); bad != "" {
				t.Errorf("sign-out with a cookie of %q: injected %q", br+header, bad)
			}
			if bad := injection(s.rawSignIn(address, evil)); bad != "" {
				t.Errorf("sign-in that leads to %q: injected %q", evil, bad)
			}
		}
	}
}

// rawSignIn signs in on a socket, and returns the header of the last answer.
func (s *site) rawSignIn(address, to string) []string {
	s.t.Helper()
	var authorize, cookie string
	for _, line := range rawHeader(s.t, address, "/user/login?to="+to) {
		if value, ok := strings.CutPrefix(line, "Location: "); ok {
			authorize = value
		}
		if value, ok := strings.CutPrefix(line, "Set-Cookie: "); ok && cookie == "" {
			cookie, _, _ = strings.Cut(value, ";")
		}
	}
	if !strings.HasPrefix(authorize, s.idp.Authority+"/") {
		return nil // it was no request for the login
	}
	response, err := s.idp.SignIn(authorize, adele)
	if err != nil {
		s.t.Fatal(err)
	}
	lines := rawAnswer(s.t, address, string(rawRequest("POST", "/user/authorized", response.Values.Encode(), "Content-Type", formType, "Cookie", cookie, "Connection", "close")))
	if !strings.Contains(lines[0], "303") {
		s.t.Errorf("sign-in that leads to %q: %s", to, lines[0])
	}
	return lines
}

// rawHeader reads the header of a response in its wire format.
func rawHeader(t *testing.T, address, path string) (lines []string) {
	t.Helper()
	return rawAnswer(t, address, "GET "+path+" HTTP/1.1\r\nHost: app.example\r\nAccept: text/html\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: navigate\r\nConnection: close\r\n\r\n")
}

// rawAnswer sends a request as it is. Each line of the answer ends with CR LF, which is
// left out.
func rawAnswer(t *testing.T, address, request string) (lines []string) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, request)
	answer, _ := io.ReadAll(conn)
	header, _, _ := strings.Cut(string(answer), "\r\n\r\n")
	if header == "" {
		t.Fatalf("%q: no answer", request)
	}
	return strings.FieldsFunc(strings.ReplaceAll(header, "\r\n", "\n"), func(r rune) bool { return r == '\n' })
}

// nginx accepts a response only if its header fits into one buffer of 4 kB. Otherwise it responds with
// 502 (EasyAuthForK8s#79).
func TestRedirects_FitTheBuffersOfProxies(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	s.app.Get("/pages/*", fibermsal.Require(), func(c *fiber.Ctx) error { return c.SendString("page") })
	for _, size := range []int{10, 900, 1100, 2500} {
		b := s.browser()
		for i := range 14 { // other pages that require a sign-in
			b.Navigate("/pages/" + strconv.Itoa(i))
		}
		page := "/pages/x?" + incompressible(size)
		required := b.Navigate(page)
		begun := b.Navigate(required.Location())
		completed := b.Send(b.approve(begun.Location(), adele).Request())
		if completed.Location() != page {
			t.Errorf("%d bytes: to %.30q", size, completed.Location())
		}
		for step, a := range map[string]*answer{"page": required, "login": begun, "callback": completed} {
			var head bytes.Buffer
			if err := a.Header.Write(&head); err != nil {
				t.Fatal(err)
			}
			if whole := head.Len() + len("HTTP/1.1 303 See Other\r\nServer: fasthttp\r\n\r\n"); whole > 4096 {
				t.Errorf("%d bytes, %s: a header of %d", size, step, whole)
			}
		}
	}
}

// incompressible returns text for a query.
func incompressible(size int) string {
	random := make([]byte, size)
	_, _ = rand.Read(random) // never fails
	return base64.RawURLEncoding.EncodeToString(random)[:size]
}
