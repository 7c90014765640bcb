package nethttpface_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/nethttpface"
)

// This file implements the parts of Fiber that the tests of the face for Fiber use, on net/http. The
// program in generate creates the other tests from those.

// The tests read files of the repository by their path in its root.
func init() {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
}

// openAuth makes an Auth, which answers errors of the app as Fiber does.
func openAuth(cfg entra.Config[*nethttpface.Context]) (*nethttpface.Auth, error) {
	service, err := entra.Open(cfg, entra.Process{SharesNoMemory: os.Getenv("FIBER_PREFORK_CHILD") != ""})
	if err != nil {
		return nil, err
	}
	return &nethttpface.Auth{Service: service, Failed: failed}, nil
}

func newMiddleware(cfg entra.Config[*nethttpface.Context]) any {
	auth, err := openAuth(cfg)
	if err != nil {
		panic(err)
	}
	return auth.Middleware
}

func registerRoutes(app *webApp, more ...entra.Routes) {
	nethttpface.RegisterRoutes(app, "/user", more...)
}

// registerRoutesOf mounts routes that need no middleware in front.
func registerRoutesOf(auth *nethttpface.Auth, app *webApp) {
	nethttpface.RegisterRoutes(behind{auth.Middleware, app}, auth.RoutePrefix())
}

// behind mounts handlers behind a middleware.
type behind struct {
	middleware func(http.Handler) http.Handler
	app        *webApp
}

func (b behind) Handle(pattern string, h http.Handler) { b.app.Handle(pattern, b.middleware(h)) }

func require(checks ...entra.Check[*nethttpface.Context]) nethttpface.Handler {
	return nethttpface.Require(func(c *nethttpface.Context) error { return onFiber(c).Next() }, checks...)
}

func requireToken(checks ...entra.Check[*nethttpface.Context]) nethttpface.Handler {
	return requireFrom(entra.UserTokens, checks...)
}

func requireFrom(accepted entra.Callers, checks ...entra.Check[*nethttpface.Context]) nethttpface.Handler {
	return nethttpface.RequireFrom(func(c *nethttpface.Context) error { return onFiber(c).Next() }, accepted, checks...)
}

func passive() nethttpface.Handler {
	return func(c *nethttpface.Context) error {
		entra.MakePassive(c)
		return onFiber(c).Next()
	}
}

func readyHandler(auth *nethttpface.Auth) nethttpface.Handler {
	return func(c *nethttpface.Context) error {
		readiness := auth.Readiness(c.R.Context())
		if !readiness.Ready() {
			onFiber(c).Status(http.StatusServiceUnavailable)
		}
		return onFiber(c).JSON(readiness)
	}
}

// statusError is an error of an app that has a status, as Fiber's errors do.
type statusError int

func (e statusError) Error() string { return http.StatusText(int(e)) }

const (
	errFiberForbidden    = statusError(http.StatusForbidden)
	errFiberUnauthorized = statusError(http.StatusUnauthorized)
)

func failed(c *nethttpface.Context, err error) {
	status := statusError(http.StatusInternalServerError)
	_ = errors.As(err, &status)
	http.Error(c.W, status.Error(), int(status))
}

// webApp is a router whose handlers run in the order of their registration, as Fiber's do.
type webApp struct {
	entries  []entry
	shutdown []func() error
}

// entry is a handler of requests with a method and path. Both are "" if it is for all of them.
type entry struct {
	method, path string
	middleware   func(next http.Handler) http.Handler
}

func newApp() *webApp { return &webApp{} }

func (a *webApp) add(method, path string, handlers ...any) {
	for _, h := range handlers {
		a.entries = append(a.entries, entry{method, path, middlewareOf(h)})
	}
}

func (a *webApp) Use(handlers ...any)              { a.add("", "", handlers...) }
func (a *webApp) Get(path string, handlers ...any) { a.add(http.MethodGet, path, handlers...) }
func (a *webApp) All(path string, handlers ...any) { a.add("", path, handlers...) }

// Handle makes it a router for nethttpface.RegisterRoutes.
func (a *webApp) Handle(pattern string, h http.Handler) {
	method, path, _ := strings.Cut(pattern, " ")
	a.add(method, path, func(http.Handler) http.Handler { return h })
}

func (a *webApp) Shutdown() error {
	var err error
	for _, f := range a.shutdown {
		err = errors.Join(err, f())
	}
	return err
}

func (a *webApp) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.from(0).ServeHTTP(w, r) }

// from serves requests with the entries, beginning with the given index.
func (a *webApp) from(first int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := http.StatusNotFound
		for i, e := range a.entries[first:] {
			parameters, ok := match(e.path, r.URL.EscapedPath())
			if ok && !e.accepts(r.Method) {
				status = http.StatusMethodNotAllowed
			} else if ok {
				r = r.WithContext(context.WithValue(r.Context(), parametersKey{}, parameters))
				e.middleware(a.from(first+i+1)).ServeHTTP(w, r)
				return
			}
		}
		http.Error(w, http.StatusText(status), status)
	})
}

// accepts reports whether requests with a method are the entry's: those for GET include HEAD, as
// those of *http.ServeMux do.
func (e *entry) accepts(method string) bool {
	return e.method == "" || e.method == method || (e.method == http.MethodGet && method == http.MethodHead)
}

// match returns the parameters of a path that a pattern matches.
func match(pattern, path string) (parameters map[string]string, ok bool) {
	if before, ok := strings.CutSuffix(pattern, "*"); pattern == "" || ok {
		return nil, strings.HasPrefix(path, before)
	}
	wanted, parts := strings.Split(pattern, "/"), strings.Split(path, "/")
	if len(wanted) != len(parts) {
		return nil, false
	}
	parameters = map[string]string{}
	for i, part := range parts {
		if name, isParameter := strings.CutPrefix(wanted[i], ":"); isParameter && part != "" {
			parameters[name] = part
		} else if wanted[i] != part {
			return nil, false
		}
	}
	return parameters, true
}

type (
	parametersKey struct{}
	nextKey       struct{}
)

// middlewareOf returns a middleware for a middleware or for a handler that may call the next one.
func middlewareOf(handler any) func(http.Handler) http.Handler {
	switch h := handler.(type) {
	case func(http.Handler) http.Handler:
		return h
	case nethttpface.Handler:
		return middlewareOf((func(*nethttpface.Context) error)(h))
	case func(*nethttpface.Context) error:
		return func(next http.Handler) http.Handler {
			return nethttpface.Handler(func(c *nethttpface.Context) error {
				c.R = c.R.WithContext(context.WithValue(c.R.Context(), nextKey{}, next))
				return h(c)
			})
		}
	}
	panic("no handler")
}

// fiberContext has the methods of Fiber's context that handlers of the tests call.
type fiberContext struct{ *nethttpface.Context }

func onFiber(c *nethttpface.Context) fiberContext { return fiberContext{c} }

func (c fiberContext) Get(name string) string       { return c.R.Header.Get(name) }
func (c fiberContext) Set(name, value string)       { c.W.Header().Set(name, value) }
func (c fiberContext) Query(name string) string     { return c.R.URL.Query().Get(name) }
func (c fiberContext) Path() string                 { return c.R.URL.Path }
func (c fiberContext) UserContext() context.Context { return c.R.Context() }

func (c fiberContext) SetUserContext(ctx context.Context) { c.R = c.R.WithContext(ctx) }

func (c fiberContext) Params(name string) string {
	parameters, _ := c.R.Context().Value(parametersKey{}).(map[string]string)
	return parameters[name]
}

func (c fiberContext) Next() error {
	next, _ := c.R.Context().Value(nextKey{}).(http.Handler)
	next.ServeHTTP(c.W, c.R)
	return nil
}

func (c fiberContext) Status(status int) fiberContext {
	c.W.WriteHeader(status)
	return c
}

func (c fiberContext) Type(extension string) fiberContext {
	c.W.Header().Set("Content-Type", "text/"+extension+"; charset=utf-8")
	return c
}

func (c fiberContext) SendString(text string) error {
	_, err := io.WriteString(c.W, text)
	return err
}

func (c fiberContext) SendStatus(status int) error {
	return c.Status(status).SendString(http.StatusText(status))
}

func (c fiberContext) JSON(value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	c.W.Header().Set("Content-Type", "application/json")
	return c.SendString(string(body))
}

// redirect answers with a redirect.
func redirect(c *nethttpface.Context, to string) error {
	c.W.Header().Set("Location", to)
	return onFiber(c).SendStatus(http.StatusSeeOther)
}

// testApp sends a request to an app on a server of net/http, and reads the response.
func testApp(app *webApp, r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody && r.Header.Get("Content-Length") == "" && r.ContentLength > 0 {
		r.Header.Set("Content-Length", strconv.FormatInt(r.ContentLength, 10))
	}
	request, err := httputil.DumpRequest(r, true)
	if err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	defer func() { _ = client.Close() }()
	l := oneListener(make(chan net.Conn, 1))
	l <- server
	close(l)
	go func() { _ = (&http.Server{Handler: app}).Serve(l) }()
	go func() { _, _ = client.Write(request) }()
	response, err := http.ReadResponse(bufio.NewReader(client), r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	response.Body = io.NopCloser(strings.NewReader(string(body)))
	return response, err
}

// oneListener accepts one connection.
type oneListener chan net.Conn

func (l oneListener) Accept() (net.Conn, error) {
	if conn, ok := <-l; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (oneListener) Close() error   { return nil }
func (oneListener) Addr() net.Addr { return &net.TCPAddr{} }

// listen serves an app until its listener is closed.
func listen(app *webApp, l net.Listener) {
	server := &http.Server{Handler: app}
	onShutdown(app, server.Close)
	_ = server.Serve(l)
}

// onShutdown lets an app call a function when it is shut down.
func onShutdown(app *webApp, f func() error) { app.shutdown = append(app.shutdown, f) }

// mount lets an app serve everything by another app.
func mount(app, inner *webApp) { app.Use(func(http.Handler) http.Handler { return inner }) }

// routeAll serves all methods of a path by handlers.
func routeAll(app *webApp, path string, handlers ...any) { app.All(path, handlers...) }

// recoverPanics is the middleware that turns panics into errors.
func recoverPanics() any {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if recover() != nil {
					w.WriteHeader(http.StatusInternalServerError)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
}

// sessionStorage is the storage of a session middleware that is given one.
func sessionStorage(storage entra.Storage) entra.Storage { return storage }
