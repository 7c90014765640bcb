package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"
	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// newBare returns an app with Fiber only. It shows the cost of the measurement itself.
func newBare() *site {
	s := &site{app: fiber.New(), visitors: []visitor{{want: public}}}
	s.app.Get("/", openToAll)
	return s
}

// newFloor returns an app with the minimum work for sessions in Redis, which is a handler that reads
// one value. The value is as long as a session of this library, and the client is the same.
func newFloor(b *testing.B) *site {
	b.Helper()
	server := redistest.Start(b)
	storage := newRedis(b, server)
	idp := newEntra(b)
	admitted := newOurs(b, ours(idp, storage), fibermsal.Require(), greet)
	admitted.admit(b, idp, ourLogin)
	size := recordSize(b, server)

	connected, ok := storage.(interface{ Conn() redis.UniversalClient })
	if !ok {
		b.Fatal("no Redis")
	}
	client, idLength := connected.Conn(), len(userID(0))
	s := &site{app: fiber.New()}
	s.app.Get("/", func(c *fiber.Ctx) error {
		value, err := client.Get(c.UserContext(), "floor:"+c.Cookies("floor")).Bytes()
		if err != nil {
			return err
		}
		return c.Send(value[:idLength])
	})
	for i, u := range idp.Users() {
		value := u.ID + strings.Repeat("x", size-len(u.ID))
		if err := client.Set(b.Context(), fmt.Sprintf("floor:%043d", i), value, time.Hour).Err(); err != nil {
			b.Fatal(err)
		}
		s.visitors = append(s.visitors, visitor{cookies: fmt.Sprintf("floor=%043d", i), want: u.ID})
	}
	return s
}

// recordSize is the length of a sealed session.
func recordSize(b *testing.B, server *redistest.Server) int {
	b.Helper()
	for _, key := range server.Keys() {
		if strings.HasSuffix(key, "}:"+string(record.Session)) {
			return int(server.Client().StrLen(b.Context(), key).Val())
		}
	}
	b.Fatal("no session in Redis")
	return 0
}

// newSessions returns an app with Fiber's session middleware, in which the app has stored the user.
func newSessions(tb testing.TB, storage fiber.Storage) *site {
	tb.Helper()
	store := session.New(session.Config{Storage: storage})
	s := &site{app: fiber.New()}
	s.app.Post("/:user", func(c *fiber.Ctx) error {
		sess, err := store.Get(c)
		if err != nil {
			return err
		}
		sess.Set("user", c.Params("user"))
		return sess.Save()
	})
	s.app.Get("/", func(c *fiber.Ctx) error {
		sess, err := store.Get(c)
		if err != nil {
			return err
		}
		user, ok := sess.Get("user").(string)
		if !ok {
			return fiber.ErrUnauthorized
		}
		return c.SendString(user)
	})
	for i := range people {
		user := userID(i)
		cookie := send(tb, s.app, httptest.NewRequest(http.MethodPost, "/"+user, http.NoBody)).Cookies()[0]
		s.visitors = append(s.visitors, visitor{cookies: cookie.Name + "=" + cookie.Value, want: user})
	}
	return s
}
