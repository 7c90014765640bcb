package bench

import (
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
)

const public = "for everybody"

func openToAll(c *fiber.Ctx) error { return c.SendString(public) }

// BenchmarkRequest measures pages for a signed-in user: one that does not use the session, one that
// reads the user, and one that uses the user's token.
func BenchmarkRequest(b *testing.B) {
	for _, row := range []struct {
		name    string
		prepare func(testing.TB, fiber.Storage) *site
	}{
		{"app=fibermsal/asks=nobody", oursAskingNobody},
		{"app=fibermsal/asks=user", oursAskingUser},
		{"app=fibermsal/asks=token", oursAskingToken},
		{"app=session/asks=user", newSessions},
		{"app=goth/asks=token", gothAskingToken},
		{"app=msal/asks=token", msalAskingToken},
	} {
		b.Run(row.name, func(b *testing.B) {
			eachStorage(b, func(b *testing.B, storage fiber.Storage) {
				b.Helper()
				row.prepare(b, storage).measure(b)
			})
		})
	}
	b.Run("app=fibermsal/asks=user/storage=file", func(b *testing.B) { oursAskingUser(b, newFile(b)).measure(b) })
	b.Run("app=bare/asks=nobody", func(b *testing.B) { newBare().measure(b) })
	b.Run("app=redis-get/asks=user/storage=redis", func(b *testing.B) { newFloor(b).measure(b) })
}

func oursAskingNobody(tb testing.TB, storage fiber.Storage) *site {
	tb.Helper()
	idp := newEntra(tb)
	s := newOurs(tb, ours(idp, storage), openToAll)
	s.admit(tb, idp, ourLogin)
	for i := range s.visitors {
		s.visitors[i].want = public
	}
	return s
}

func oursAskingUser(tb testing.TB, storage fiber.Storage) *site {
	tb.Helper()
	idp := newEntra(tb)
	s := newOurs(tb, ours(idp, storage), fibermsal.Require(), greet)
	s.admit(tb, idp, ourLogin)
	return s
}

func oursAskingToken(tb testing.TB, storage fiber.Storage) *site {
	tb.Helper()
	idp := newEntra(tb)
	s := newOurs(tb, ours(idp, storage), useToken)
	s.admit(tb, idp, ourLogin)
	s.expectTokens(tb, idp)
	return s
}

func gothAskingToken(tb testing.TB, storage fiber.Storage) *site {
	tb.Helper()
	idp := newEntra(tb)
	s := newGoth(tb, idp, storage)
	s.admit(tb, idp, gothLogin)
	s.expectTokens(tb, idp)
	return s
}

func msalAskingToken(tb testing.TB, storage fiber.Storage) *site {
	tb.Helper()
	idp := newEntra(tb)
	s := newMSAL(tb, idp, storage)
	s.expectTokens(tb, idp)
	return s
}
