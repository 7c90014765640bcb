package entra

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/fibermsal/fibermsal/internal/authority"
	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/sealed"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/signin"
	"github.com/fibermsal/fibermsal/internal/telemetry"
	"github.com/fibermsal/fibermsal/internal/token"
	"github.com/fibermsal/fibermsal/internal/web"
)

const (
	// closeTimeout bounds Close, which waits for renewals under way.
	closeTimeout = 5 * time.Second
	// closeGrace is how long before that the background work is told to end.
	closeGrace = time.Second
)

// Service is the library for one app, without a web framework: sessions, tokens, users for
// jobs, administration and diagnosis. It is immutable after [Open] and safe for concurrent use.
type Service struct {
	settings *settings
	log      *slog.Logger

	background *background.Group
	telemetry  *telemetry.Telemetry
	records    *record.Store
	authority  *authority.Client
	sessions   *session.Store
	renewer    *token.Renewer
	app        *appCredential
	jar        *flow.Jar
	flow       *signin.Flow
	site       *web.Site
	groups     *groups

	closing sync.Once
}

// Open checks a Config, copies it and makes a Service of it, without any call to the network or
// the storage. The error joins one for each wrong field. forked is set in a process that shares
// no memory with others that serve the same app, as with Fiber's Prefork.
//
// The caller closes the Service after the app has shut down.
func Open[C any](cfg Config[C], forked bool) (*Service, error) {
	settings, err := cfg.settle(forked)
	if err != nil {
		return nil, err
	}
	s := &Service{settings: settings, log: settings.Logger, background: background.New(settings.Logger)}
	cache := session.NewCache()
	if s.telemetry, err = telemetry.New(s.log, cache.Stats); err != nil {
		return nil, fmt.Errorf("fibermsal: telemetry: %w", err)
	}
	cookies, err := sealed.NewRing(settings.Keys, "cookies")
	if err != nil {
		return nil, fmt.Errorf("fibermsal: Config.Keys: %w", err)
	}
	records, err := sealed.NewRing(settings.Keys, "records")
	if err != nil {
		return nil, fmt.Errorf("fibermsal: Config.Keys: %w", err)
	}
	s.records = record.NewStore(backend(settings.Storage, s.log, s.telemetry.StorageCommand), records, settings.ClientID)
	s.jar = flow.NewJar(cookies, settings.cookieName+"-", settings.ClientID, settings.authority, settings.redirectURI, string(settings.ResponseMode))
	s.wire(cache)
	return s, nil
}

// wire makes the layers, each of which knows those below it.
func (s *Service) wire(cache *session.Cache) {
	cfg := s.settings
	s.authority = cfg.newAuthority(s.background)
	s.sessions = session.NewStore(cache, session.Options{
		Records: s.records, Origin: cfg.origin,
		Admits: s.authority.Admits, Tenants: s.authority.Tenants, AnyTenant: cfg.AnyTenantMaySignIn,
		IdleTimeout: cfg.IdleTimeout, AbsoluteTimeout: cfg.AbsoluteTimeout,
		StaleOnOutage: cfg.StaleSessionsOnOutage, MaxPerUser: cfg.MaxSessionsPerUser,
		Log: s.log, Telemetry: s.telemetry, Background: s.background,
	})
	s.renewer = token.NewRenewer(token.Options{
		Authority: s.authority, Sessions: s.sessions, Records: s.records,
		Log: s.log, Telemetry: s.telemetry, Background: s.background,
	})
	s.app = &appCredential{
		settings: cfg,
		tokens:   token.App{Authority: s.authority, Records: s.records, Log: s.log, Background: s.background},
	}
	flowOptions := signin.Options{
		Authority: s.authority, Sessions: s.sessions, Records: s.records, Jar: s.jar, ResponseMode: string(cfg.ResponseMode),
	}
	if cfg.OnSignIn != nil {
		flowOptions.OnSignIn = s.onSignIn
	}
	s.flow = signin.NewFlow(flowOptions)
	s.site = s.newSite()
	s.groups = &groups{service: s}
}

// newAuthority makes the client for the authority of the settings.
func (s *settings) newAuthority(b *background.Group) *authority.Client {
	return authority.New(authority.Options{
		Authority: s.authority, Tenant: s.tenant, AllowedTenants: s.AllowedTenants, AnyTenant: s.AnyTenantMaySignIn,
		ClientID: s.ClientID, RedirectURI: s.redirectURI, Scopes: s.scopes, Credentials: s.credentials(),
		Transport: s.HTTPClient.Transport, Background: b,
	})
}

func (s *Service) newSite() *web.Site {
	cfg := s.settings
	options := web.Options{
		Authority: s.authority, Sessions: s.sessions, Flow: s.flow, Jar: s.jar, Log: s.log, Telemetry: s.telemetry,
		RoutePrefix: cfg.RoutePrefix, PostLogoutURL: cfg.PostLogoutURL, CookieName: cfg.cookieName,
		Secure: cfg.secure, FormPost: cfg.ResponseMode == ResponseModeFormPost,
		AnonymousOnOutage: cfg.AnonymousOnOutage, RecordBrowser: cfg.RecordBrowser,
	}
	if cfg.OnSignOut != nil {
		options.OnSignOut = func(ctx context.Context, ended *session.Session) error {
			return cfg.OnSignOut(ctx, userOf(&ended.User))
		}
	}
	return web.NewSite(options)
}

// Visit returns what a face keeps of a request while its handlers run.
func (s *Service) Visit(e web.Exchange) web.Visit {
	return web.Visit{Owner: s, Site: s.site, Exchange: e}
}

// Site returns the routes and pages, for a face.
func (s *Service) Site() *web.Site { return s.site }

// RoutePrefix returns the path under which the routes are mounted.
func (s *Service) RoutePrefix() string { return s.settings.RoutePrefix }

// Logger returns the logger, for a face.
func (s *Service) Logger() *slog.Logger { return s.log }

// Close waits for token calls under way, at most 5 seconds, refuses new ones, and closes idle
// connections. It does not close the Storage, which belongs to the app. It may be called more
// than once.
func (s *Service) Close() error {
	var err error
	s.closing.Do(func() {
		s.background.Go("withdrawing", s.sessions.Withdraw)
		if !s.background.Close(closeTimeout, closeGrace) {
			err = errors.New("fibermsal: a token call was still running when Close gave up waiting")
		}
		s.authority.CloseIdleConnections()
		err = errors.Join(err, s.telemetry.Close())
	})
	return err
}

// String names the Service without any of its secrets.
func (s *Service) String() string { return "fibermsal.Auth(" + s.settings.ClientID + ")" }

// GoString returns what String does.
func (s *Service) GoString() string { return s.String() }
