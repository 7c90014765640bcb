package bench

import (
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/MicahParks/keyfunc/v2"
	jwtware "github.com/gofiber/contrib/jwt"
	"github.com/gofiber/fiber/v2"
	"github.com/lestrrat-go/jwx/jwk"
	"golang.org/x/sys/unix"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/bench/peers/verifiers"
	"github.com/fibermsal/fibermsal/entratest"
)

const (
	apiURI   = "api://00001111-aaaa-2222-bbbb-3333cccc4444"
	apiScope = apiURI + "/access_as_user"

	// manyTokens is more than fibermsal caches, so that each token is new to it when it is used again.
	manyTokens = 10_500
)

// BenchmarkBearer measures a call of an API with an access token, both with the same token and with a
// new token for each call.
func BenchmarkBearer(b *testing.B) {
	idp := newAPI(b)
	apps := map[string]*site{"fibermsal": oursVerifying(b, idp, nil), "contrib-jwt": contribJWT(b, idp), "jwx": jwxVerifying(b, idp)}
	tokens := sync.OnceValue(func() []visitor { return callers(idp, manyTokens) }) // signing takes seconds
	turn := 0
	for _, name := range []string{"fibermsal", "contrib-jwt", "jwx"} {
		b.Run("app="+name+"/token=same", func(b *testing.B) { apps[name].callAPI(b, callers(idp, 1), new(int)) })
		b.Run("app="+name+"/token=new", func(b *testing.B) { apps[name].callAPI(b, tokens(), &turn) })
	}
}

// callAPI sends a request of each caller in turn. It begins where the last run ended, because the last
// tokens of that run are cached.
func (s *site) callAPI(b *testing.B, callers []visitor, turn *int) {
	b.Helper()
	s.sendOnce(b, callers[0]) // keys are fetched
	handler, ctx := s.app.Handler(), callers[0].request()
	b.ReportAllocs()
	began := processorTime(b)
	for b.Loop() {
		v := callers[*turn%len(callers)]
		*turn++
		ctx.Request.Header.Set(fiber.HeaderAuthorization, v.authorization)
		if !v.send(handler, ctx) {
			b.Fatalf("status %d: %s", ctx.Response.StatusCode(), ctx.Response.Body())
		}
	}
	b.ReportMetric(float64(processorTime(b)-began)/float64(b.N), "cpu-ns/op")
}

// processorTime returns the processor time of this process, which other processes do not influence.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// newAPI makes the emulator with an API.
func newAPI(tb testing.TB) *entra {
	tb.Helper()
	return newEntra(tb, entratest.WithAPI(entratest.API{URI: apiURI, Scopes: []string{"access_as_user"}}))
}

// callers returns clients, each with a different token.
func callers(idp *entra, number int) []visitor {
	all, users := make([]visitor, number), idp.Users()
	for i := range all {
		u := users[i%len(users)]
		all[i] = visitor{authorization: "Bearer " + idp.Issue(u.UPN, apiScope), want: u.ID}
	}
	return all
}

func oursVerifying(tb testing.TB, idp *entra, storage fiber.Storage) *site {
	tb.Helper()
	cfg := ours(idp, storage)
	cfg.CacheMegabytes = 1 // so that the tokens of a round are more than it remembers
	return newOurs(tb, cfg, fibermsal.RequireToken(fibermsal.HasScope("access_as_user")), greet)
}

func contribJWT(tb testing.TB, idp *entra) *site {
	tb.Helper()
	keys, err := keyfunc.NewJSON(idp.keys(tb))
	if err != nil {
		tb.Fatal(err)
	}
	s := &site{app: fiber.New()}
	s.app.Get("/", verifiers.ContribJWT(idp.api(), jwtware.Config{KeyFunc: keys.Keyfunc})...)
	return s
}

func jwxVerifying(tb testing.TB, idp *entra) *site {
	tb.Helper()
	keys, err := jwk.Parse(idp.keys(tb))
	if err != nil {
		tb.Fatal(err)
	}
	s := &site{app: fiber.New()}
	s.app.Get("/", verifiers.JWX(idp.api(), func() jwk.Set { return keys }))
	return s
}

func (e *entra) api() verifiers.API {
	return verifiers.API{Issuer: e.Authority + "/v2.0", Audience: e.ClientID}
}

func (e *entra) keys(tb testing.TB) []byte {
	tb.Helper()
	resp, err := e.HTTPClient.Get(e.Authority + "/discovery/v2.0/keys")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		tb.Fatal(resp.Status, err)
	}
	return body
}
