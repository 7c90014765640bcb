// Package bench measures what fibermsal costs, beside what others cost that do the
// same work in the same run, and holds it to budgets that no machine changes.
//
//	go test -run '^$' -bench . -count 6 ./... | tee new.txt; benchstat old.txt new.txt
//
// Nothing here crosses a network but to Redis: an app's handler is called as fasthttp
// calls it, and Entra is the emulator in this process. Names are made of key=value
// pairs, for benchstat's -col and -row.
package bench

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/embedded"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

const (
	publicURL  = "https://app.example"
	ourLogin   = "/user/login"
	gothLogin  = "/auth/azureadv2"
	gothAnswer = gothLogin + "/callback"

	// people is how many users there are: one for each goroutine.
	people = 64
)

// concurrency is from how many goroutines requests are sent at once.
var concurrency = []int{1, 4, 16, people}

// entra is the emulator, and how long it was at work: that is no app's cost.
type entra struct {
	*entratest.Server
	HTTPClient *http.Client
	worked     atomic.Int64 // nanoseconds
}

// newEntra makes the emulator under Microsoft's own host names, for goth knows no
// others.
func newEntra(tb testing.TB, options ...entratest.Option) *entra {
	tb.Helper()
	users := make([]entratest.User, people)
	for i := range users {
		users[i] = entratest.User{
			ID:  userID(i),
			UPN: fmt.Sprintf("user%02d@contoso.com", i), Mail: fmt.Sprintf("user%02d@contoso.com", i),
			DisplayName: fmt.Sprintf("User %02d", i), JobTitle: "Retail Manager", OfficeLocation: "18/2111",
		}
	}
	idp := entratest.New(append([]entratest.Option{
		entratest.WithHosts("login.microsoftonline.com", "graph.microsoft.com"), entratest.WithUsers(users...),
		entratest.WithRedirectURI(publicURL+"/user/authorized", publicURL+gothAnswer),
	}, options...)...)
	tb.Cleanup(func() { _ = idp.Close() })
	e := &entra{Server: idp}
	e.HTTPClient = &http.Client{Transport: e}
	return e
}

// RoundTrip implements http.RoundTripper.
func (e *entra) RoundTrip(r *http.Request) (*http.Response, error) {
	defer e.atWork(time.Now())
	return e.Server.HTTPClient.Transport.RoundTrip(r)
}

// SignIn is what a person does at Entra.
func (e *entra) SignIn(authorizeURL, login string) (*entratest.Response, error) {
	defer e.atWork(time.Now())
	return e.Server.SignIn(authorizeURL, login)
}

func (e *entra) atWork(since time.Time) { e.worked.Add(int64(time.Since(since))) }

// reportOwn reports what is left of a benchmark's time without the emulator.
func (e *entra) reportOwn(b *testing.B, done int) {
	b.Helper()
	b.ReportMetric(float64(int64(b.Elapsed())-e.worked.Load())/float64(done), "own-ns/op")
}

func userID(i int) string { return fmt.Sprintf("5e3ce6c0-2b1f-4285-8d4b-75ee78%06x", i) }

// eachStorage runs a benchmark on the memory of the process, which everybody has by
// default and nil stands for, and on a Redis of its own.
func eachStorage(b *testing.B, run func(*testing.B, fiber.Storage)) {
	b.Helper()
	b.Run("storage=memory", func(b *testing.B) { run(b, nil) })
	b.Run("storage=redis", func(b *testing.B) { run(b, newRedis(b, redistest.Start(b))) })
}

// newFile keeps sessions on the disk of this machine.
func newFile(tb testing.TB) fiber.Storage {
	tb.Helper()
	storage, err := embedded.Open(filepath.Join(tb.TempDir(), "sessions.db"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = storage.Close() })
	return storage
}

func newRedis(tb testing.TB, server *redistest.Server) fiber.Storage {
	tb.Helper()
	storage, err := fibermsal.RedisStorage(server.URL)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = storage.Close() })
	return storage
}

// site is an app and people who are signed in to it, whom "/" answers.
type site struct {
	app      *fiber.App
	visitors []visitor
}

// visitor is a browser of a signed-in user, or a client with an access token.
type visitor struct {
	cookies       string
	authorization string
	want          string // the answer
}

// request is the visitor's, for "/".
func (v visitor) request() *fasthttp.RequestCtx {
	ctx := new(fasthttp.RequestCtx)
	ctx.Request.SetRequestURI("/")
	ctx.Request.Header.Set(fiber.HeaderCookie, v.cookies)
	if v.authorization != "" {
		ctx.Request.Header.Set(fiber.HeaderAuthorization, v.authorization)
	}
	return ctx
}

// send sends a request again, and reports whether the answer is the visitor's own.
func (v visitor) send(handler fasthttp.RequestHandler, ctx *fasthttp.RequestCtx) bool {
	ctx.Response.Reset()
	ctx.ResetUserValues()
	handler(ctx)
	return ctx.Response.StatusCode() == http.StatusOK && string(ctx.Response.Body()) == v.want
}

// measure sends requests from ever more goroutines. All must be answered to the right
// person.
func (s *site) measure(b *testing.B) {
	b.Helper()
	s.confirm(b)
	for _, goroutines := range concurrency {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			if wrong := s.load(b, goroutines); wrong > 0 {
				b.Fatalf("%d of %d answers are wrong", wrong, b.N)
			}
		})
	}
}

// load sends b.N requests and returns how many answers were wrong. RunParallel would
// have a multiple of GOMAXPROCS goroutines, never one.
func (s *site) load(b *testing.B, goroutines int) (wrong int64) {
	b.Helper()
	handler := s.app.Handler()
	var sent, failed atomic.Int64
	var wait sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for i := range goroutines {
		wait.Go(func() {
			v := s.visitors[i%len(s.visitors)]
			for ctx := v.request(); sent.Add(1) <= int64(b.N); {
				if !v.send(handler, ctx) {
					failed.Add(1)
				}
			}
		})
	}
	wait.Wait()
	return failed.Load()
}

// confirm checks that every visitor gets the right answer, before anything is measured.
func (s *site) confirm(tb testing.TB) {
	tb.Helper()
	for _, v := range s.visitors {
		if got := s.sendOnce(tb, v); got != v.want {
			tb.Fatalf("answered %q, want %q", got, v.want)
		}
	}
}

// sendOnce sends the visitor's request outside of any measurement, and returns the answer.
func (s *site) sendOnce(tb testing.TB, v visitor) string {
	tb.Helper()
	ctx := v.request()
	s.app.Handler()(ctx)
	if status := ctx.Response.StatusCode(); status != http.StatusOK {
		tb.Fatalf("status %d: %s", status, ctx.Response.Body())
	}
	return string(ctx.Response.Body())
}

// admit signs everybody in, at the path where an app begins that.
func (s *site) admit(tb testing.TB, idp *entra, login string) {
	tb.Helper()
	for _, u := range idp.Users() {
		s.visitors = append(s.visitors, visitor{cookies: signIn(tb, s.app, idp, login, u.UPN), want: u.ID})
	}
}

// expectTokens makes "/" of an app that answers with the end of a token wanted, and
// makes sure that all tokens are their owners'.
func (s *site) expectTokens(tb testing.TB, idp *entra) {
	tb.Helper()
	for i, u := range idp.Users() {
		end := s.sendOnce(tb, s.visitors[i])
		owner := ""
		for _, secret := range idp.Secrets() {
			if strings.HasSuffix(secret, end) {
				owner, _ = idp.TokenUser(secret)
			}
		}
		if owner != u.UPN {
			tb.Fatalf("%s has a token of %q", u.UPN, owner)
		}
		s.visitors[i].want = end
	}
}

// tokenEnd is the end of a token's signature: as good as the whole to tell it by.
func tokenEnd(token string) string { return token[max(0, len(token)-24):] }

// signIn plays the browser through a sign-in, and returns its cookies.
func signIn(tb testing.TB, app *fiber.App, idp *entra, login, user string) (cookies string) {
	tb.Helper()
	started := send(tb, app, httptest.NewRequest(http.MethodGet, login, http.NoBody))
	answer, err := idp.SignIn(started.Header.Get(fiber.HeaderLocation), user)
	if err != nil {
		tb.Fatal(err)
	}
	callback := answer.Request()
	for _, c := range started.Cookies() {
		callback.AddCookie(c)
	}
	done := send(tb, app, callback)
	jar := make(map[string]string)
	for _, c := range append(started.Cookies(), done.Cookies()...) {
		if jar[c.Name] = c.Value; c.Value == "" {
			delete(jar, c.Name)
		}
	}
	var header bytes.Buffer
	for name, value := range jar {
		fmt.Fprintf(&header, "%s=%s; ", name, value)
	}
	if header.Len() == 0 || done.StatusCode != http.StatusSeeOther {
		tb.Fatalf("not signed in: status %d", done.StatusCode)
	}
	return strings.TrimSuffix(header.String(), "; ")
}

func send(tb testing.TB, app *fiber.App, r *http.Request) *http.Response {
	tb.Helper()
	resp, err := app.Test(r, -1)
	if err != nil {
		tb.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

var discard = slog.New(slog.DiscardHandler)
