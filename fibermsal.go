package fibermsal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/discovery"
	"github.com/fibermsal/fibermsal/internal/flight"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/idtoken"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
	"github.com/fibermsal/fibermsal/internal/turn"
)

const (
	// closeTimeout bounds Close, which waits for refreshes in flight.
	closeTimeout = 5 * time.Second
	// closeGrace is how long before that the work in the background is told to end.
	closeGrace = time.Second
	// clockSkew is by how much the clocks of Entra and this machine may differ.
	clockSkew = 5 * time.Minute
	// minReadBuffer is the header buffer that seven parallel sign-ins beside an
	// app's own cookies need; Fiber's default is 4,096 bytes.
	minReadBuffer = 16 << 10
)

// Auth is a configured sign-in: the middleware, its routes and the tokens of
// the users who signed in. It is immutable after [Open] and safe for
// concurrent use.
type Auth struct {
	cfg  settings
	log  *slog.Logger
	rand io.Reader

	records  *record.Store
	flows    *flow.Jar
	sessions *sessionCache
	ended    tombstones
	pending  pendingTokens

	telemetry   telemetry
	credentials appCredentials
	app         appCredential

	entra *http.Client // for MSAL and discovery: cached, limited, no redirects
	gate  *entraGate   // before its token endpoint
	keys  *idtoken.KeySet

	tenant   atomic.Pointer[string] // that the authority's domain name stands for
	learning atomic.Bool            // which one that is

	renewals    flight.Group
	memberships flight.Group
	scopesKey   string      // of Config.Scopes
	signInTurns *turn.Queue // anybody can keep it busy, so renewals have their own
	renewTurns  *turn.Queue
	calls       calls
	presence    presence
	closed      chan struct{}
	work        context.Context // of what runs in the background; ends while Close waits
	endWork     context.CancelFunc

	firstRequest sync.Once
	closing      sync.Once
}

// New returns the middleware for an app, ready to use:
//
//	app.Use(fibermsal.New(fibermsal.Config{…}))
//	fibermsal.RegisterRoutes(app)
//
// Register it before everything that asks who the user is, and after
// middlewares that must see every answer, such as Fiber's logger. It panics if
// the Config is not valid, naming every wrong field, as Fiber's own middlewares
// do; use [Open] to get an error instead. It closes itself when the app shuts
// down.
func New(cfg Config) fiber.Handler {
	a, err := Open(cfg)
	if err != nil {
		panic(err)
	}
	return func(c *fiber.Ctx) error {
		a.firstRequest.Do(func() {
			c.App().Hooks().OnShutdown(a.Close)
			a.warnAboutApp(c.App())
		})
		return a.middleware(c)
	}
}

// Open checks a Config, copies it and makes an [Auth] of it, without any call
// to the network or the storage. The error joins one for each wrong field.
//
// The caller closes the Auth when the app has shut down.
func Open(cfg Config) (*Auth, error) {
	s, err := cfg.settle()
	if err != nil {
		return nil, err
	}
	cookies, err := sealed.NewRing(s.Keys, "cookies")
	if err != nil {
		return nil, fmt.Errorf("fibermsal: Config.Keys: %w", err)
	}
	records, err := sealed.NewRing(s.Keys, "records")
	if err != nil {
		return nil, fmt.Errorf("fibermsal: Config.Keys: %w", err)
	}
	sessions, err := newSessionCache()
	if err != nil {
		return nil, err
	}
	a := &Auth{
		cfg: s, log: s.Logger, rand: rand.Reader, sessions: sessions,
		flows:  flow.NewJar(cookies, s.cookieName+"-", s.ClientID, s.authority, s.redirectURI, string(s.ResponseMode)),
		entra:  entraClient(s.HTTPClient),
		gate:   newEntraGate(),
		closed: make(chan struct{}),

		credentials: appCredentials{all: s.credentials()},

		scopesKey:   scopesKey(s.Scopes),
		signInTurns: turn.NewQueue(), renewTurns: turn.NewQueue(),
	}
	a.work, a.endWork = context.WithCancel(context.Background())
	a.records = record.NewStore(backend(s.Storage, s.Logger, a.observeStorage), records, s.ClientID)
	a.app = appCredential{auth: a, known: make(map[string]appToken)}
	a.keys = idtoken.NewKeySet(a.fetchKeys)
	if err := a.instrument(); err != nil {
		return nil, fmt.Errorf("fibermsal: telemetry: %w", err)
	}
	return a, nil
}

// Handler returns the middleware, as [New] does, for an Auth that was made by
// [Open].
func (a *Auth) Handler() fiber.Handler {
	return func(c *fiber.Ctx) error {
		a.firstRequest.Do(func() { a.warnAboutApp(c.App()) })
		return a.middleware(c)
	}
}

// Close waits for token calls in flight, at most 5 seconds, refuses new ones, and
// gives up idle connections. It does not close the Storage, which is the app's. It
// may be called more than once.
func (a *Auth) Close() error {
	var err error
	a.closing.Do(func() {
		close(a.closed)
		timer := time.AfterFunc(closeTimeout-closeGrace, a.endWork)
		a.background("withdrawing", a.withdraw)
		select {
		case <-a.calls.end():
		case <-time.After(closeTimeout):
			err = errors.New("fibermsal: a token call was still running when Close gave up waiting")
		}
		timer.Stop()
		a.endWork()
		a.entra.CloseIdleConnections()
		err = errors.Join(err, a.telemetry.observing.Unregister())
	})
	return err
}

// background starts work that nobody waits for but Close, unless that has been called. A
// panic of the app's storage, transport, logger or one of their hooks must not end the
// process: no recover middleware reaches here.
func (a *Auth) background(what string, work func()) {
	if !a.calls.begin() {
		return
	}
	go func() {
		defer a.calls.done()
		a.survive(what, work)
	}()
}

// survive reports a panic in the log.
func (a *Auth) survive(what string, work func()) {
	err := flight.Caught(func() error { work(); return nil })
	if err == nil {
		return
	}
	_ = flight.Caught(func() error { // the logger may be what panics
		a.log.LogAttrs(context.Background(), slog.LevelError, "work in the background panicked", slog.String("work", what), slog.Any("error", err))
		return nil
	})
}

// calls counts what runs, also behind the back of who asked for it. A WaitGroup
// would not do: it must not grow from zero while somebody waits.
type calls struct {
	mu      sync.Mutex
	running int
	closed  bool
	drained chan struct{}
}

// begin counts one more, unless the end has been called.
func (c *calls) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.running++
	return true
}

func (c *calls) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	if c.closed && c.running == 0 {
		close(c.drained)
	}
}

// end lets no more begin, and returns what is closed when none is left.
func (c *calls) end() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed, c.drained = true, make(chan struct{})
	if c.running == 0 {
		close(c.drained)
	}
	return c.drained
}

// String names the Auth without telling any of its secrets.
func (a *Auth) String() string { return "fibermsal.Auth(" + a.cfg.ClientID + ")" }

// GoString is what %#v prints: no more than String.
func (a *Auth) GoString() string { return a.String() }

// warnAboutApp says what only an app's first request can reveal.
func (a *Auth) warnAboutApp(app *fiber.App) {
	if size := app.Config().ReadBufferSize; size < minReadBuffer {
		a.log.LogAttrs(context.Background(), slog.LevelWarn,
			"fiber.Config.ReadBufferSize is small: users with several sign-ins at once may get 431; set 16384",
			slog.Int("bytes", size))
	}
}

// takeTurn waits until it is this work's turn to use the processor, as long as a caller
// waits for a renewal.
func takeTurn(ctx context.Context, q *turn.Queue) (work context.Context, done func(), err error) {
	work, done, err = q.Take(ctx, renewalTimeout)
	if err != nil {
		return nil, nil, entraUnavailable("no_turn", err)
	}
	return work, done, nil
}

// metadata returns the authority's endpoints, from memory except the first time
// and once a day.
func (a *Auth) metadata(ctx context.Context) (*discovery.Metadata, error) {
	m, err := discovery.Fetch(ctx, a.entra, a.cfg.authority)
	if err != nil {
		return nil, entraUnavailable("discovery_failed", err)
	}
	return m, nil
}

func (a *Auth) fetchKeys(ctx context.Context) ([]byte, error) {
	m, err := a.metadata(ctx)
	if err != nil {
		return nil, err
	}
	return discovery.Get(ctx, a.entra, m.JWKSURI)
}

// verifier returns what checks the id_tokens of an authority.
func (a *Auth) verifier(m *discovery.Metadata) *idtoken.Verifier {
	tenants := a.cfg.AllowedTenants
	if tenants == nil {
		tenants = []string{m.Tenant()}
	}
	return &idtoken.Verifier{
		Issuer: m.Issuer, Tenants: tenants, AnyTenant: a.cfg.AnyTenantMaySignIn, ClientID: a.cfg.ClientID, Keys: a.keys, Skew: clockSkew,
	}
}
