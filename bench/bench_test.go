// Package bench measures the cost of fibermsal, compares it in the same run with other libraries that
// do the same work, and checks budgets that do not depend on the machine.
//
//	go test -run '^$' -bench . -count 6 ./... | tee new.txt; benchstat old.txt new.txt
//
// Only Redis is reached through a network. An app's handler is called as fasthttp would call it, and
// Entra is the emulator in this process. Names consist of key=value pairs, for benchstat's -col and
// -row.
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

	// people is the number of users, one for each goroutine.
	people = 64
)

// concurrency lists the numbers of goroutines that send requests at the same time.
var concurrency = []int{1, 4, 16, people}

// entra is the emulator with its working time, which is not part of an app's cost.
type entra struct {
	*entratest.Server
	HTTPClient *http.Client
	worked     atomic.Int64 // nanoseconds
}

// newEntra returns an emulator with Microsoft's own host names, because goth supports no others.
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

// SignIn performs the user's part of a sign-in at Entra.
func (e *entra) SignIn(authorizeURL, login string) (*entratest.Response, error) {
	defer e.atWork(time.Now())
	return e.Server.SignIn(authorizeURL, login)
}

func (e *entra) atWork(since time.Time) { e.worked.Add(int64(time.Since(since))) }

// reportOwn reports a benchmark's time without the time of the emulator.
func (e *entra) reportOwn(b *testing.B, done int) {
	b.Helper()
	b.ReportMetric(float64(int64(b.Elapsed())-e.worked.Load())/float64(done), "own-ns/op")
}

func userID(i int) string { return fmt.Sprintf("5e3ce6c0-2b1f-4285-8d4b-75ee78%06x", i) }

// eachStorage runs a benchmark with the memory of the process, which is the default (nil), and with its
// own Redis.
func eachStorage(b *testing.B, run func(*testing.B, fiber.Storage)) {
	b.Helper()
	b.Run("storage=memory", func(b *testing.B) { run(b, nil) })
	b.Run("storage=redis", func(b *testing.B) { run(b, newRedis(b, redistest.Start(b))) })
}

// newFile returns a storage on the disk of this machine.
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

// site is an app with signed-in users. Its page "/" responds to them.
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

// request is the visitor's request for "/".
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

// measure sends requests from increasing numbers of goroutines. Every response must be for the right
// user.
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

// load sends b.N requests and returns the number of wrong responses. It does not use RunParallel, which
// always runs a multiple of GOMAXPROCS goroutines and never just one.
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

// admit signs all users in, at the path where the app starts sign-ins.
func (s *site) admit(tb testing.TB, idp *entra, login string) {
	tb.Helper()
	for _, u := range idp.Users() {
		s.visitors = append(s.visitors, visitor{cookies: signIn(tb, s.app, idp, login, u.UPN), want: u.ID})
	}
}

// expectTokens is for an app whose page "/" returns the end of a token. It checks that every user gets
// the user's own token.
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

// tokenEnd returns the end of a token's signature, which is sufficient to identify the token.
func tokenEnd(token string) string { return token[max(0, len(token)-24):] }

// signIn acts as a browser during a sign-in, and returns its cookies.
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
