package fibermsal_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// If the app streams bodies, fasthttp treats the unread part of a body as the next request. A form of
// another site could smuggle a request in this way that browsers would not send for it.
func TestC4_UnreadBodyOfAStreamIsNoSecondRequest(t *testing.T) {
	t.Parallel()
	address := serveStreams(t)
	for path, second := range map[string]bool{
		"/user/logout": false, "/user/authorized": false, "/user/LOGOUT": false, "/guarded": false,
		"/unread": false, "/half": false, "/nothing-here": false, "/only-get": false, "/failing": false, "/panicking": false, "/skipped": false,
		"/read": true, // the connection may serve what follows
	} {
		for _, length := range []string{"Content-Length: %d", "Transfer-Encoding: chunked"} {
			if first, followed := postTwice(t, address, path, length); followed != second {
				t.Errorf("%s with %s: %d, then another answer: %v", path, length, first, followed)
			}
		}
	}
}

// serveStreams serves an app that streams bodies, and returns its address.
func serveStreams(t *testing.T) string {
	t.Helper()
	cfg := configFor(newIDP(t))
	cfg.Next = func(c *fiber.Ctx) bool { return c.Path() == "/skipped" }
	auth, err := fibermsal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	app := fiber.New(streamingConfig())
	app.Use(recoverPanics(), auth.Handler())
	auth.RegisterRoutes(app)
	hello := func(c *fiber.Ctx) error { return c.SendString("hello") }
	app.All("/guarded", fibermsal.Require(), hello)
	app.Get("/only-get", hello)
	app.Get("/smuggled", hello)
	app.All("/unread", hello)
	app.All("/skipped", hello)
	app.All("/failing", func(*fiber.Ctx) error { return errOfTheApp })
	app.All("/panicking", func(*fiber.Ctx) error { panic("the app's") })
	app.All("/half", func(c *fiber.Ctx) error {
		_, err := io.ReadFull(c.Request().BodyStream(), make([]byte, 100))
		return err
	})
	app.All("/read", func(c *fiber.Ctx) error { return c.SendString(strconv.Itoa(len(c.Body()))) })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go listen(app, listener)
	t.Cleanup(func() { _ = app.Shutdown() })
	return listener.Addr().String()
}

// postTwice sends a request whose body ends with another request, and reports whether there are
// two answers. A body that was read is followed by an honest request.
func postTwice(t *testing.T, address, path, length string) (first int, followed bool) {
	t.Helper()
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: app.example\r\n\r\n"
	body := strings.Repeat("x", 8192) + smuggled
	if strings.Contains(length, "%d") {
		length = fmt.Sprintf(length, len(body))
	} else {
		body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	}
	if path == "/read" {
		body += smuggled
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: app.example\r\nSec-Fetch-Site: cross-site\r\nContent-Type: text/plain\r\n%s\r\n\r\n%s", path, length, body)
	if err != nil {
		t.Fatal(err)
	}
	answers := bufio.NewReader(conn)
	response, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(path, err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	another, err := http.ReadResponse(answers, nil)
	if err == nil {
		_ = another.Body.Close()
	}
	return response.StatusCode, err == nil
}
