package naive_test

import (
	"fmt"
	"os"
	"sync"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/storage/redis/v3"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/figure"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// newIDP returns an emulator with the host names of the public cloud. For some of them MSAL makes fewer
// calls.
func newIDP(t *testing.T, options ...entratest.Option) *entratest.Server {
	t.Helper()
	idp := entratest.New(append([]entratest.Option{
		entratest.WithCloud(entratest.PublicCloud), entratest.WithRedirectURI(redirectURI),
	}, options...)...)
	t.Cleanup(func() { _ = idp.Close() })
	return idp
}

// onRedis is a storage with the default options.
func onRedis(t *testing.T, address string) fiber.Storage {
	t.Helper()
	storage := redis.New(redis.Config{URL: address})
	t.Cleanup(func() { _ = storage.Close() })
	return storage
}

// newPair returns two instances with one Redis.
func newPair(t *testing.T, idp *entratest.Server, server *redistest.Server) [2]*app {
	t.Helper()
	return [2]*app{newApp(t, idp, onRedis(t, server.URL)), newApp(t, idp, onRedis(t, server.URL))}
}

// repeats is a tenth of the repetitions of a soak, as in the tests of fibermsal.
func repeats(full int) int {
	if os.Getenv("FIBERMSAL_SOAK") != "" {
		return full
	}
	return full / 10
}

// atOnce calls a function n times at the same time, and waits for all.
func atOnce(n int, call func(i int)) {
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { call(i) })
	}
	wait.Wait()
}

// report reports a figure of this app.
func report(t *testing.T, row, name, format string, values ...any) {
	t.Helper()
	f := figure.Figure{Row: row, Name: name, Value: fmt.Sprintf(format, values...), Naive: true}
	t.Logf("%s, %s: %s", f.Row, f.Name, f.Value)
	figure.Report(t, f)
}
