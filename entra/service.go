package entra

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/signin"
	"github.com/fibermsal/fibermsal/internal/telemetry"
	"github.com/fibermsal/fibermsal/internal/token"
	"github.com/fibermsal/fibermsal/internal/web"
)

const (
	// closeTimeout is how long Close waits for renewals in progress.
	closeTimeout = 5 * time.Second
	// closeGrace is how much earlier than closeTimeout the context of the background work ends.
	closeGrace = time.Second
)

// Service is the library for one Config, without a web framework: sessions, tokens, users for
// background jobs, administration and diagnosis. It is immutable after [Open] and safe for concurrent
// use.
type Service struct {
	settings *settings
	log      *slog.Logger

	background *background.Group
	telemetry  *telemetry.Telemetry
	records    *record.Store
	authority  *authority.Client
	sessions   *session.Store
	renewer    *token.Renewer
	callers    *session.Cache // of access tokens
	onBehalf   *token.OnBehalf
	app        *appCredential
	jar        *flow.Jar
	flow       *signin.Flow
	site       *web.Site
	groups     *groups
	skips      func(c Locals) bool           // Config.Next
	info       func(c Locals) map[string]any // Config.Info

	beforeSignIn func(c Locals, start *flow.Start) error // Config.BeforeSignIn

	detachLog func() // from go-redis

	values sync.Map // of packages, see AppValue

	closing     sync.Once
	latePassive sync.Once // the warning of MakePassive
}

// RoutePrefix returns the path under which the routes are mounted.
func (s *Service) RoutePrefix() string { return s.settings.RoutePrefix }

// Logger returns the logger, for a face.
func (s *Service) Logger() *slog.Logger { return s.log }

// AppCredential returns a credential for the app itself, without a user, for jobs that use application
// permissions, to which an administrator must consent. It is safe for concurrent use and shares its
// tokens with the other instances.
//
// GetToken takes one scope, which must end in /.default; without a scope it uses that of Graph. It
// returns an [*Error]: [ErrMisconfigured] if Entra refuses the app, or [ErrUnavailable]. Entra issues
// such tokens for one tenant only, so with "common" or "organizations" the request must have a
// TenantID. Tenants whose users may not sign in are refused.
func (s *Service) AppCredential() azcore.TokenCredential { return s.app }

// Close refuses new token calls, waits at most 5 seconds for calls in progress, and closes idle
// connections. It does not close the Storage, which belongs to the app. It returns an error if a call
// was still running or if telemetry could not be closed; everything else is then closed. It may be
// called more than once; later calls return nil.
func (s *Service) Close() error {
	var err error
	s.closing.Do(func() {
		s.background.Go("deregistering", s.sessions.Deregister)
		if !s.background.Close(closeTimeout, closeGrace) {
			err = errors.New("fibermsal: a token call was still running when Close gave up waiting")
		}
		s.authority.CloseIdleConnections()
		err = errors.Join(err, s.telemetry.Close())
		s.detachLog()
	})
	return err
}

// String returns a text with the client ID and without secrets.
func (s *Service) String() string { return "fibermsal.Auth(" + s.settings.ClientID + ")" }

// GoString returns what String does.
func (s *Service) GoString() string { return s.String() }

// Format prints what String returns, whatever the verb.
func (s *Service) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// LogValue logs what String returns.
func (s *Service) LogValue() slog.Value { return slog.StringValue(s.String()) }
