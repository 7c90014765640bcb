package fibermsal_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

// If the app streams bodies, fasthttp takes what was not read of one for the next request. A form
// of a foreign site could so smuggle a request that browsers would not send for it.
func TestC4_UnreadBodyOfAStreamIsNoSecondRequest(t *testing.T) {
	t.Parallel()
	idp := newIDP(t)
	auth, err := fibermsal.Open(configFor(idp))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = auth.Close() })
	app := fiber.New(streamingConfig())
	app.Use(auth.Handler())
	auth.RegisterRoutes(app)
	app.All("/guarded", fibermsal.Require(), func(c *fiber.Ctx) error { return c.SendString("hello") })
	app.Get("/smuggled", func(c *fiber.Ctx) error { return c.SendString("SMUGGLED") })
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go listen(app, listener)
	t.Cleanup(func() { _ = app.Shutdown() })
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: app.example\r\n\r\n"
	for _, path := range []string{"/user/logout", "/user/authorized", "/guarded"} {
		body := strings.Repeat("x", 8192) + smuggled
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: app.example\r\nSec-Fetch-Site: cross-site\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body); err != nil {
			t.Fatal(err)
		}
		answers := bufio.NewReader(conn)
		first, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = bufio.NewReader(first.Body).Discard(1 << 20)
		if second, err := http.ReadResponse(answers, nil); err == nil {
			t.Errorf("%s: %d, and then %d", path, first.StatusCode, second.StatusCode)
			_ = second.Body.Close()
		}
		_ = conn.Close()
	}
}
