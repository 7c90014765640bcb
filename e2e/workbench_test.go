package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/gofiber/fiber/v2"
	"go.uber.org/goleak"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/graph"
)

// The workbench is an app that shows internal data, unlike the example: its goroutines and its access
// tokens. It is this test binary, run again.
const workbenchEnv = "FIBERMSAL_E2E_WORKBENCH"

// patientRedis sets long timeouts for tests that are not about Redis, because on a busy machine a
// process may not read replies for some time.
const patientRedis = "?read_timeout=20s&write_timeout=20s&pool_timeout=20s&dial_timeout=20s"

const (
	// idleWorker is how long fasthttp keeps the goroutine of a closed connection. Tests would have to
	// wait for the default of ten seconds.
	idleWorker = 200 * time.Millisecond
	// idleConnections is the number of idle connections to Entra and Graph. It is low, so that any load
	// fills it.
	idleConnections = 4
)

// startWorkbench runs the workbench instead of the example.
func startWorkbench(t *testing.T, s site, idp *provider, env ...string) *app {
	t.Helper()
	file, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	self := &program{file: file}
	self.once.Do(func() {}) // it is built
	a := &app{program: self, site: s, env: slices.Concat([]string{
		workbenchEnv + "=1",
		"PORT=" + s.port, "FIBERMSAL_PUBLIC_URL=" + s.url,
		"FIBERMSAL_CLIENT_ID=" + idp.clientID, "FIBERMSAL_CLIENT_SECRET=" + idp.clientSecret,
		"FIBERMSAL_AUTHORITY=" + idp.authority, "FIBERMSAL_GRAPH_URL=" + idp.graphURL, "FIBERMSAL_CA_FILE=" + idp.caFile,
	}, env)}
	a.process = run(t, self, a.env, "-test.run=^TestWorkbench$")
	a.await("serving", func() bool { return accepts("127.0.0.1:" + s.port) })
	return a
}

// This is not a test, but the workbench's main function.
func TestWorkbench(t *testing.T) {
	if os.Getenv(workbenchEnv) == "" {
		return
	}
	stopped, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	standing := goleak.IgnoreCurrent()
	if err := errors.Join(serveWorkbench(stopped, t), goleak.Find(standing,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"))); err != nil { // which runs as long as the process
		t.Fatal(err)
	}
}

func serveWorkbench(stopped context.Context, t *testing.T) error {
	t.Helper()
	storage, err := fibermsal.RedisStorage(os.Getenv("FIBERMSAL_REDIS_URL"))
	if err != nil {
		return err
	}
	key, err := base64.StdEncoding.DecodeString(os.Getenv("FIBERMSAL_KEYS"))
	if err != nil {
		return err
	}
	megabytes, _ := strconv.Atoi(os.Getenv("FIBERMSAL_CACHE_MEGABYTES")) // without it the default
	app := newWorkbench(fibermsal.Config{
		CacheMegabytes: megabytes,
		ClientID:       os.Getenv("FIBERMSAL_CLIENT_ID"), ClientSecret: os.Getenv("FIBERMSAL_CLIENT_SECRET"),
		Authority: os.Getenv("FIBERMSAL_AUTHORITY"), GraphURL: os.Getenv("FIBERMSAL_GRAPH_URL"),
		PublicURL: os.Getenv("FIBERMSAL_PUBLIC_URL"), HTTPClient: trusting(t, os.Getenv("FIBERMSAL_CA_FILE")),
		Storage: storage, Keys: [][]byte{key}, OnSignIn: graph.Profile,
	})
	served := make(chan error, 1)
	go func() { served <- app.Listen("127.0.0.1:" + os.Getenv("PORT")) }()
	select {
	case err = <-served:
	case <-stopped.Done():
		err = errors.Join(app.ShutdownWithTimeout(patience), <-served)
	}
	return errors.Join(err, storage.Close())
}

func newWorkbench(cfg fibermsal.Config) *fiber.App {
	app := fiber.New(fiber.Config{
		ReadBufferSize: 16 << 10, ReadTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, DisableStartupMessage: true,
	})
	app.Server().MaxIdleWorkerDuration = idleWorker
	app.Get("/debug/goroutines", func(c *fiber.Ctx) error {
		var stacks bytes.Buffer
		err := pprof.Lookup("goroutine").WriteTo(&stacks, 1)
		return errors.Join(err, c.Send(stacks.Bytes()))
	})
	app.Use(fibermsal.New(cfg))
	fibermsal.RegisterRoutes(app, graph.Routes())
	me := func(c *fiber.Ctx) error {
		me, err := graph.Me(c).Get(c.UserContext(), nil)
		if err != nil {
			return err
		}
		return c.JSON(fiber.Map{"userPrincipalName": me.GetUserPrincipalName()})
	}
	app.Get("/api/me", fibermsal.Require(), me)
	app.Get("/api/called", fibermsal.RequireToken(), me)
	app.Get("/api/token", fibermsal.Require(), func(c *fiber.Ctx) error {
		token, err := fibermsal.TokenCredential(c).GetToken(c.UserContext(), policy.TokenRequestOptions{Scopes: strings.Fields(c.Query("scope"))})
		if err != nil {
			return err
		}
		return c.JSON(fiber.Map{"token": token.Token})
	})
	return app
}

// trusting returns a client that trusts one certificate authority.
func trusting(t *testing.T, caFile string) *http.Client {
	t.Helper()
	pem, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%s: no certificate", caFile)
	}
	return &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: idleConnections,
	}}
}
