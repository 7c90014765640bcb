package fibermsal_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/browsertest"
)

// wired is a site on a socket, to which requests are sent as they are written.
type wired struct {
	apiSite
	address string
}

func (s apiSite) wired() wired {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	go listen(s.app, listener)
	return wired{s, listener.Addr().String()}
}

// send returns the answer, which must contain no secret.
func (w wired) send(request string) *answer {
	w.t.Helper()
	a := w.exchange(request)
	w.seen.Note(a)
	return a
}

// exchange returns the answer. Its status is 0 if the connection is closed without one.
func (w wired) exchange(request string) *answer {
	w.t.Helper()
	conn, err := net.Dial("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	go func() { _, _ = io.WriteString(conn, request) }() // it may be refused before its end
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return &answer{Response: &http.Response{Request: &http.Request{}}}
	}
	return browsertest.Read(w.t, resp)
}

func get(path string, headers ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n" + strings.Join(append(headers, ""), "\r\n") + "\r\n"
}

func TestAPI_HeadersAsClientsWriteThem(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	w := newAPI(t, idp).wired()
	raw := idp.Issue(adele, apiScope)
	const none, request, token = `Bearer realm="https://app.example"`, `error="invalid_request"`, `error="invalid_token"`
	for name, row := range map[string]struct {
		headers   []string
		status    int
		challenge string
	}{
		"as usual":               {[]string{"Authorization: Bearer " + raw}, 200, ""},
		"lower case":             {[]string{"authorization: bearer " + raw}, 200, ""},
		"upper case":             {[]string{"AUTHORIZATION: BEARER " + raw}, 200, ""},
		"spaces":                 {[]string{"Authorization:   Bearer    " + raw + "   "}, 200, ""},
		"no space":               {[]string{"Authorization:Bearer " + raw}, 200, ""},
		"a tab":                  {[]string{"Authorization: Bearer\t" + raw}, 401, none},
		"nothing":                {nil, 401, none},
		"an empty header":        {[]string{"Authorization:"}, 401, none},
		"no scheme":              {[]string{"Authorization: " + raw}, 401, none},
		"Basic":                  {[]string{"Authorization: Basic YTpi"}, 401, none},
		"DPoP":                   {[]string{"Authorization: DPoP " + raw}, 401, none},
		"PoP":                    {[]string{"Authorization: PoP " + raw}, 401, none},
		"a longer scheme":        {[]string{"Authorization: BearerX " + raw}, 401, none},
		"another header":         {[]string{"X-Authorization: Bearer " + raw, "Proxy-Authorization: Bearer " + raw}, 401, none},
		"a cookie":               {[]string{"Cookie: access_token=" + raw}, 401, none},
		"no token":               {[]string{"Authorization: Bearer"}, 400, request},
		"no token but a space":   {[]string{"Authorization: Bearer "}, 400, request},
		"only padding":           {[]string{"Authorization: Bearer =="}, 400, request},
		"an equal sign within":   {[]string{"Authorization: Bearer a=b"}, 400, request},
		"two tokens":             {[]string{"Authorization: Bearer " + raw + " " + raw}, 400, request},
		"a list":                 {[]string{"Authorization: Bearer " + raw + ", Bearer " + raw}, 400, request},
		"a list of schemes":      {[]string{"Authorization: Bearer " + raw + ", Basic YTpi"}, 400, request},
		"quoted":                 {[]string{`Authorization: Bearer "` + raw + `"`}, 400, request},
		"as a parameter":         {[]string{"Authorization: Bearer token=" + raw}, 400, request},
		"umlauts":                {[]string{"Authorization: Bearer täst"}, 400, request},
		"no UTF-8":               {[]string{"Authorization: Bearer t\xffst"}, 400, request},
		"escaped":                {[]string{"Authorization: Bearer " + strings.ReplaceAll(raw, ".", "%2E")}, 400, request},
		"twice":                  {[]string{"Authorization: Bearer " + raw, "Authorization: Bearer " + raw}, 400, request},
		"twice in two cases":     {[]string{"authorization: Bearer " + raw, "AUTHORIZATION: bearer x"}, 400, request},
		"twice, first another":   {[]string{"Authorization: Basic YTpi", "Authorization: Bearer " + raw}, 400, request},
		"twice, last another":    {[]string{"Authorization: Bearer " + raw, "Authorization: Basic YTpi"}, 400, request},
		"twice, first empty":     {[]string{"Authorization:", "Authorization: Bearer " + raw}, 400, request},
		"a line feed at the end": {[]string{"Authorization: Bearer " + raw + "\n"}, 200, ""}, // ends the header
		"an underscore":          {[]string{"Authorization: Bearer a_b"}, 401, token},
		"characters of a token":  {[]string{"Authorization: Bearer a-._~+/b=="}, 401, token},
	} {
		a := w.send(get("/api/me", row.headers...))
		challenge := a.Header.Get("WWW-Authenticate")
		if a.StatusCode != row.status || !strings.Contains(challenge, row.challenge) || row.challenge == none && strings.Contains(challenge, "error") {
			t.Errorf("%s: %d %s\n%s", name, a.StatusCode, challenge, a.Text)
		}
	}
}

// For any header, a client gets a 4xx response or its connection is closed, and no handler receives the
// request.
func TestAPI_HeadersThatNoClientWrites(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newAPI(t, idp)
	s.app.Get("/api/alarm", fibermsal.RequireFrom(fibermsal.Sessions|fibermsal.UserTokens|fibermsal.AppTokens), func(c *fiber.Ctx) error {
		t.Error("the handler runs")
		return c.SendString("hello")
	})
	w := s.wired()
	raw := idp.Issue(adele, apiScope)
	for name, header := range map[string]string{
		"NUL":                        "Authorization: Bearer " + raw + "\x00",
		"NUL in front":               "Authorization: Bearer \x00" + raw,
		"a control character":        "Authorization: Bearer " + raw[:10] + "\x01" + raw[10:],
		"DEL":                        "Authorization: Bearer " + raw + "\x7f",
		"a vertical tab":             "Authorization: Bearer\v" + raw,
		"a carriage return":          "Authorization: Bearer a\r" + raw,
		"NUL behind the scheme":      "Authorization: Bearer\x00 " + raw,
		"an ideographic space":       "Authorization: Bearer\u3000" + raw,
		"15 kB":                      "Authorization: Bearer " + strings.Repeat("x", 15<<10),
		"15 kB of points":            "Authorization: Bearer " + strings.Repeat(".", 15<<10),
		"15 kB of padding":           "Authorization: Bearer x" + strings.Repeat("=", 15<<10),
		"32 kB":                      "Authorization: Bearer " + strings.Repeat("x", 32<<10),
		"32 kB with a token at last": "Authorization: Bearer " + strings.Repeat(" ", 32<<10) + raw + "x",
		"100 kB":                     "Authorization: Bearer " + strings.Repeat("x", 100<<10),
		"1 MB":                       "Authorization: Bearer " + strings.Repeat("x", 1<<20),
		"300 headers":                strings.TrimSuffix(strings.Repeat("Authorization: Bearer x\r\n", 300), "\r\n"),
	} {
		// Fiber v3 repeats a header that it cannot read to its sender.
		if a := w.exchange(get("/api/alarm", header)); a.StatusCode >= 500 || a.StatusCode != 0 && a.StatusCode < 400 {
			t.Errorf("%s: %d\n%.100s", name, a.StatusCode, a.Text)
		}
	}
}

func TestAPI_TokensOutsideTheHeaderAreNotUsed(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newAPI(t, idp)
	routeAll(s.app, "/api/form", fibermsal.RequireToken(), func(c *fiber.Ctx) error { return c.SendString("hello") })
	w := s.wired()
	raw := idp.Issue(adele, apiScope)
	for query, want := range map[string]int{
		"access_token=" + raw: 400, "access_token": 400, "access_token=": 400, "a=b&access_token=x": 400, "access%5Ftoken=x": 400,
		"access_token=x&access_token=y": 400, "token=" + raw: 401, "Access_Token=" + raw: 401, "a=access_token": 401,
	} {
		if a := w.send(get("/api/me?" + query)); a.StatusCode != want {
			t.Errorf("%.30s: %d", query, a.StatusCode)
		}
		beside := map[int]int{400: 400, 401: 200}[want]
		if a := w.send(get("/api/me?"+query, "Authorization: Bearer "+raw)); a.StatusCode != beside {
			t.Errorf("%.30s beside a header: %d", query, a.StatusCode)
		}
	}
	form := "access_token=" + raw
	a := w.send(fmt.Sprintf("POST /api/form HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form))
	if a.StatusCode != 401 || strings.Contains(a.Header.Get("WWW-Authenticate"), "error") {
		t.Errorf("in a form: %d %v", a.StatusCode, a.Header)
	}
}

func TestAPI_Methods(t *testing.T) {
	t.Parallel()
	idp := newIDP(t, entratest.WithAPI(ownAPI(2)))
	s := newAPI(t, idp)
	routeAll(s.app, "/api/all", fibermsal.RequireToken(fibermsal.HasScope("access_as_user")), func(c *fiber.Ctx) error { return c.SendString("hello") })
	w := s.wired()
	raw := idp.Issue(adele, apiScope)
	for _, method := range []string{"HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"} {
		for header, want := range map[string]int{"Authorization: Bearer " + raw: 200, "Authorization: Bearer x": 401, "X: y": 401, "Authorization: Bearer": 400} {
			request := method + strings.TrimPrefix(get("/api/all", header, "Content-Length: 0", "Origin: https://evil.example"), "GET")
			a := w.send(request)
			if challenge := a.Header.Get("WWW-Authenticate"); a.StatusCode != want || (want == 200) == (challenge != "") {
				t.Errorf("%s with %.30s: %d %q", method, header, a.StatusCode, challenge)
			}
		}
	}
}
