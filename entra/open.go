package entra

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/fibermsal/fibermsal/internal/api"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/background"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/mailaddr"
	"github.com/fibermsal/fibermsal/internal/msalcache"
	"github.com/fibermsal/fibermsal/internal/record"
	"github.com/fibermsal/fibermsal/internal/redislog"
	"github.com/fibermsal/fibermsal/internal/sealed"
	"github.com/fibermsal/fibermsal/internal/session"
	"github.com/fibermsal/fibermsal/internal/signin"
	"github.com/fibermsal/fibermsal/internal/telemetry"
	"github.com/fibermsal/fibermsal/internal/token"
	"github.com/fibermsal/fibermsal/internal/web"
)

// Open validates cfg and returns a [Service] that uses a copy of it. It calls neither the network nor
// the storage. The error joins a [*ConfigError] for each invalid field.
//
// The caller must close the Service after the app has shut down.
func Open[C any](cfg Config[C], process Process) (*Service, error) {
	settings, err := cfg.resolve(process)
	if err != nil {
		return nil, err
	}
	s := &Service{settings: settings, log: settings.Logger, background: background.New(settings.Logger)}
	cache := session.NewCache(settings.CacheMegabytes << 20)
	if s.telemetry, err = telemetry.New(s.log, cache.Stats); err != nil {
		return nil, fmt.Errorf("fibermsal: telemetry: %w", err)
	}
	cookies, err := sealed.NewRing(settings.keys(), "cookies")
	if err != nil {
		return nil, fmt.Errorf("fibermsal: Config.Keys: %w", err)
	}
	records, err := sealed.NewRing(settings.keys(), "records")
	if err != nil {
		return nil, fmt.Errorf("fibermsal: Config.Keys: %w", err)
	}
	s.records = record.NewStore(backend(settings.Storage, s.log, s.telemetry.StorageCommand), records, settings.ClientID)
	s.jar = flow.NewJar(cookies, settings.cookieName+"-", settings.ClientID, settings.authority, settings.redirectURI, string(settings.ResponseMode))
	s.wire(cache)
	s.detachLog = func() {}
	if _, isRedis := settings.Storage.(interface{ Conn() redis.UniversalClient }); isRedis {
		s.detachLog = redislog.Attach(s.log)
	}
	addHooks(s, &cfg)
	return s, nil
}

// addHooks adds the functions of a Config that take the context of a framework.
func addHooks[C any](s *Service, cfg *Config[C]) {
	if pages := cfg.Pages; pages != nil {
		s.site.Pages = func(c any, page Page) error { return pages(contextAs[C](c), page) }
	}
	if handler := cfg.ErrorHandler; handler != nil {
		s.site.ErrorHandler = func(c any, err error) error { return handler(contextAs[C](c), err) }
	}
	s.skips = func(Locals) bool { return false }
	if next := cfg.Next; next != nil {
		s.skips = func(c Locals) bool { return next(contextAs[C](c)) }
	}
	s.beforeSignIn = func(Locals, *flow.Start) error { return nil }
	if hook := cfg.BeforeSignIn; hook != nil {
		s.beforeSignIn = func(c Locals, start *flow.Start) error {
			return s.changeStart(start, func(o *SignInOptions) error { return hook(contextAs[C](c), o) })
		}
	}
	info := maps.Clone(cfg.Info)
	s.info = func(c Locals) map[string]any { return infoFields(c, contextAs[C](c), info) }
}

// contextAs returns the context of a request as the type that the functions of a Config take. It panics
// if the Config is for another framework, which is a programming error.
func contextAs[C any](c any) C {
	typed, ok := c.(C)
	if !ok {
		panic(fmt.Sprintf("fibermsal: the functions of this Config take a %v, and this request is a %T", reflect.TypeFor[C](), c))
	}
	return typed
}

// wire creates the layers. Each layer uses only those below it.
func (s *Service) wire(cache *session.Cache) {
	cfg := s.settings
	s.authority = cfg.newAuthority(s.background, s.telemetry)
	s.sessions = session.NewStore(cache, session.Options{
		Records: s.records, Origin: cfg.origin,
		Admits: s.authority.Admits, Tenants: s.authority.Tenants, AnyTenant: cfg.AnyTenantMaySignIn,
		IdleTimeout: cfg.IdleTimeout, AbsoluteTimeout: cfg.AbsoluteTimeout,
		StaleOnOutage: cfg.StaleSessionsOnOutage, MaxPerUser: cfg.MaxSessionsPerUser,
		Log: s.log, Telemetry: s.telemetry, Background: s.background,
	})
	tokens := token.Options{
		Authority: s.authority, Sessions: s.sessions, Records: s.records,
		Log: s.log, Telemetry: s.telemetry, Background: s.background,
	}
	s.renewer, s.callers = token.NewRenewer(tokens), session.NewCache(max(minCallers, cfg.CacheMegabytes<<20/callersShare))
	s.onBehalf = token.NewOnBehalf(tokens, s.callers)
	s.app = &appCredential{
		settings: cfg,
		tokens:   &token.App{Authority: s.authority, Records: s.records, Log: s.log, Background: s.background},
	}
	flowOptions := signin.Options{
		Authority: s.authority, Sessions: s.sessions, Records: s.records, Jar: s.jar, ResponseMode: string(cfg.ResponseMode),
	}
	if cfg.OnSignIn != nil {
		flowOptions.OnSignIn = s.onSignIn
	}
	s.flow = signin.NewFlow(flowOptions)
	s.site = s.newSite()
	s.groups = &groups{sessions: s.sessions.Cache(), callers: s.callers, background: s.background, lookup: cfg.Groups}
}

func (s *Service) newSite() *web.Site {
	cfg := s.settings
	options := web.Options{
		Owner: s, Authority: s.authority, Sessions: s.sessions, Tokens: &api.Verifier{Authority: s.authority, Telemetry: s.telemetry, Remembered: s.callers}, Flow: s.flow, Jar: s.jar, Log: s.log, Telemetry: s.telemetry,
		Origin: strings.TrimSuffix(cfg.PublicURL, defaultPort(cfg.PublicURL)), BasePath: cfg.BasePath, RoutePrefix: cfg.RoutePrefix, PostLogoutURL: cfg.PostLogoutURL, CookieName: cfg.cookieName,
		Challenger: cfg.challenger(), Resource: cfg.resource(),
		Secure: cfg.secure, FormPost: cfg.ResponseMode == ResponseModeFormPost,
		AnonymousOnOutage: cfg.AnonymousOnOutage, KeepFragment: cfg.KeepFragment, RecordBrowser: cfg.RecordBrowser,
	}
	if cfg.OnSignOut != nil {
		options.OnSignOut = func(ctx context.Context, ended *session.Session) error {
			return cfg.OnSignOut(ctx, userOf(&ended.User))
		}
	}
	return web.NewSite(options)
}

// onSignIn calls Config.OnSignIn. Only Name, Roles, Mail and values are taken over, because OnSignIn
// must not change the identity of the user.
func (s *Service) onSignIn(ctx context.Context, begun *session.Session, tokens *msalcache.Memory) (session.Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, web.HookTimeout)
	defer cancel()
	verified := begun.User
	signIn := &SignIn{User: userOf(&verified), Credential: s.credential(begun, tokens)}
	if err := s.settings.OnSignIn(ctx, signIn); err != nil {
		return session.Identity{}, autherr.FromApp(err)
	}
	verified.Values = signIn.values
	if completed := signIn.User; completed != nil {
		verified.Name, verified.Roles = completed.Name, completed.Roles
		verified.Mail, _ = mailaddr.Normalize(completed.Mail)
	}
	return verified, nil
}
