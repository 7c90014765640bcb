// Package nethttpface is a minimal face for net/http. Only tests of the core import it.
package nethttpface

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/web"
)

// Context is a request and its response, for Config's functions, checks and handlers.
type Context struct {
	W http.ResponseWriter
	R *http.Request
}

// Locals implements entra.Locals.
func (c *Context) Locals(key any, _ ...any) any { return c.R.Context().Value(key) }

// Handler is a handler. The middleware turns its error into a response.
type Handler func(*Context) error

// ServeHTTP implements http.Handler.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if e, err := exchangeOf(r), h(&Context{w, r}); err != nil && e != nil {
		e.err = err
	} else if err != nil {
		http.Error(w, "no middleware", http.StatusInternalServerError)
	}
}

// Require returns a handler that passes requests of signed-in users who pass all checks to h.
func Require(h Handler, checks ...entra.Check[*Context]) Handler {
	require := entra.Require(checks)
	return func(c *Context) error {
		if err := require(c); err != nil {
			return err
		}
		return h(c)
	}
}

// RequireFrom is like Require, but accepts the given kinds of callers.
func RequireFrom(h Handler, accepted entra.Callers, checks ...entra.Check[*Context]) Handler {
	require := entra.RequireFrom(accepted, checks)
	return func(c *Context) error {
		if err := require(c); err != nil {
			return err
		}
		return h(c)
	}
}

// RegisterRoutes adds the routes to a router, such as *http.ServeMux, that is served behind the
// middleware.
func RegisterRoutes(router interface{ Handle(string, http.Handler) }, prefix string, more ...entra.Routes) {
	for _, route := range entra.MountedRoutes(more...) {
		router.Handle(route.Method+" "+prefix+route.Path, Handler(func(c *Context) error { return exchangeOf(c.R).write(route.Serve(c, prefix+route.Path)) }))
	}
}

// Auth is the middleware of one app.
type Auth struct {
	*entra.Service
	Failed func(*Context, error) // responds to errors of the app
}

// Middleware serves requests with the next handler, and turns its error into a response.
func (a *Auth) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if entra.Skips(a.Service, &Context{w, r}) {
			if outer, _ := r.Context().Value(entra.VisitKey()).(*web.Visit); entra.Hides(a.Service, outer) {
				r = r.WithContext(context.WithValue(r.Context(), entra.VisitKey(), nil))
			}
			next.ServeHTTP(w, r)
			return
		}
		e := &exchange{ResponseWriter: w, r: r, status: http.StatusOK}
		e.visit = entra.NewVisit(a.Service, e)
		e.r = r.WithContext(context.WithValue(r.Context(), entra.VisitKey(), &e.visit))
		if published := e.visit.Metadata(); published != nil {
			_ = e.write(published, nil)
		} else {
			next.ServeHTTP(e, e.r)
		}
		if err := e.write(e.visit.Finish(e.err, e.status)); err != nil { //nolint:contextcheck // an error of the app
			a.Failed(&Context{e, e.r}, err)
		}
		w.WriteHeader(e.status)
		_, _ = w.Write(e.body.Bytes()) // an error means that the client has gone
	})
}

// exchange is a request and its response, which is sent after the handlers have returned.
type exchange struct {
	http.ResponseWriter
	r      *http.Request
	visit  web.Visit
	err    error
	status int
	body   bytes.Buffer
}

// exchangeOf returns the request's exchange, and sets its context to the one that the middlewares in
// between have set.
func exchangeOf(r *http.Request) *exchange {
	if v, _ := r.Context().Value(entra.VisitKey()).(*web.Visit); v != nil {
		e, _ := v.Exchange.(*exchange)
		e.r = e.r.WithContext(r.Context())
		return e
	}
	return nil
}

func (e *exchange) Write(b []byte) (int, error)       { return e.body.Write(b) }
func (e *exchange) WriteHeader(status int)            { e.status = status }
func (e *exchange) Context() context.Context          { return e.r.Context() }
func (e *exchange) Cookie(name string) (string, bool) { return e.Request().Cookie(name) }
func (e *exchange) HasCookie(name string) bool        { return len(e.r.CookiesNamed(name)) > 0 }
func (e *exchange) KeepPrivate(by string) {
	e.Header()["Vary"] = append(slices.DeleteFunc(e.Header()["Vary"], func(v string) bool { return v == by }), by)
	e.Header().Set("Cache-Control", cmp.Or(e.Header().Get("Cache-Control"), "private"))
}

func (e *exchange) Authorization() ([]byte, int) {
	return []byte(e.r.Header.Get("Authorization")), len(e.r.Header.Values("Authorization"))
}
func (e *exchange) Path() []byte              { return []byte(e.r.URL.EscapedPath()) }
func (e *exchange) HasQuery(name string) bool { return e.r.URL.Query().Has(name) }

func (e *exchange) SetCookie(cookie *http.Cookie) {
	isOld := func(c string) bool { return strings.HasPrefix(c, cookie.Name+"=") }
	e.Header()["Set-Cookie"] = append(slices.DeleteFunc(e.Header()["Set-Cookie"], isOld), cookie.String())
}

func (e *exchange) Request() *web.Request {
	cookies := func(yield func(name, value string) bool) {
		_ = slices.ContainsFunc(e.r.Cookies(), func(c *http.Cookie) bool { return !yield(c.Name, c.Value) })
	}
	body := func(limit int) ([]byte, bool) {
		b, err := io.ReadAll(http.MaxBytesReader(e.ResponseWriter, e.r.Body, int64(limit)))
		return b, err == nil
	}
	return &web.Request{Method: e.r.Method, Host: e.r.Host, Path: e.r.URL.EscapedPath(), RawQuery: e.r.URL.RawQuery, Header: e.r.Header.Get, Cookies: cookies, Body: body}
}

// write replaces the response of the handlers by r, or by the parts of r that belong to an error.
func (e *exchange) write(r *web.Response, err error) error {
	if r == nil {
		return err
	}
	maps.Copy(e.Header(), r.Header)
	for _, cookie := range r.Cookies {
		e.SetCookie(cookie)
	}
	if err != nil {
		return err
	}
	e.status, e.body = max(r.Status, http.StatusOK), bytes.Buffer{}
	if r.ByApp != nil {
		return r.ByApp(&Context{e, e.r})
	}
	_, err = e.Write(r.Body)
	return err
}
