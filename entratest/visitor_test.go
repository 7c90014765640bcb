package entratest_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"

	"github.com/fibermsal/fibermsal/entratest"
)

// toyApp is an app that signs users in, written without this library.
func toyApp(idp *entratest.Server, base, mode string) http.Handler {
	mux := http.NewServeMux()
	redirect := base + "/user/authorized"
	mux.HandleFunc("GET /hello", func(w http.ResponseWriter, r *http.Request) {
		user, err := r.Cookie("__Host-user")
		if err != nil {
			http.SetCookie(w, &http.Cookie{Name: "state", Value: "s1", Path: "/user", Secure: true})
			q := url.Values{
				"client_id": {idp.ClientID}, "response_type": {"code"}, "redirect_uri": {redirect},
				"response_mode": {mode}, "scope": {"openid profile"}, "state": {"s1"}, "nonce": {"n1"},
			}
			http.Redirect(w, r, idp.Authority+"/oauth2/v2.0/authorize?"+q.Encode(), http.StatusFound)
			return
		}
		time.Sleep(1200 * time.Millisecond) // longer than Fiber's limit for a test
		_, _ = io.WriteString(w, "Hello "+user.Value)
	})
	mux.HandleFunc("/user/authorized", func(w http.ResponseWriter, r *http.Request) {
		state, err := r.Cookie("state")
		if err != nil || r.FormValue("state") != state.Value || r.FormValue("code") == "" {
			http.Error(w, "no state or code", http.StatusBadRequest)
			return
		}
		form := url.Values{
			"client_id": {idp.ClientID}, "client_secret": {idp.ClientSecret}, "grant_type": {"authorization_code"},
			"code": {r.FormValue("code")}, "redirect_uri": {redirect},
		}
		answer, err := idp.HTTPClient.PostForm(idp.Authority+"/oauth2/v2.0/token", form)
		if err != nil || answer.StatusCode != http.StatusOK {
			http.Error(w, "no token", http.StatusBadGateway)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "__Host-user", Value: "somebody", Path: "/", Secure: true, HttpOnly: true})
		http.SetCookie(w, &http.Cookie{Name: "state", Path: "/user", Secure: true, MaxAge: -1})
		http.Redirect(w, r, "/hello", http.StatusSeeOther)
	})
	mux.HandleFunc("POST /again", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/echo", http.StatusTemporaryRedirect)
	})
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	mux.HandleFunc("GET /elsewhere", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://other.example/", http.StatusFound)
	})
	mux.HandleFunc("GET /loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusFound) })
	mux.HandleFunc("GET /logout", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "__Host-user", Path: "/", Secure: true, MaxAge: -1})
		http.Redirect(w, r, idp.Authority+"/oauth2/v2.0/logout?post_logout_redirect_uri="+url.QueryEscape(redirect), http.StatusFound)
	})
	return mux
}

// testConfig stands for Fiber v3's, whose zero value waits without limit.
type testConfig struct {
	Timeout       time.Duration
	FailOnTimeout bool
}

// visits checks the behaviour of a visitor in an app.
func visits[O any](t *testing.T, idp *entratest.Server, test func(*http.Request, ...O) (*http.Response, error)) {
	t.Helper()
	visitor, err := entratest.SignInTo(idp, test, "/hello", adeleName)
	if err != nil {
		t.Fatal(err)
	}
	want := func(answer *http.Response, err error, status int, body string) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != status || !strings.Contains(string(got), body) {
			t.Errorf("%d %s, %v", answer.StatusCode, got, err)
		}
	}
	want(visitor.Page, nil, 200, "Hello somebody")
	if cookies := visitor.Cookies(); len(cookies) != 1 || cookies[0].Name != "__Host-user" {
		t.Errorf("cookies %v", cookies)
	}
	calls := idp.Count(entratest.Token)
	answer, err := visitor.Get("/hello")
	want(answer, err, 200, "Hello somebody")
	if idp.Count(entratest.Token) != calls {
		t.Error("the second visit signed in again")
	}
	answer, err = visitor.Get("/elsewhere")
	want(answer, err, http.StatusFound, "")
	answer, err = visitor.Do(httptest.NewRequest(http.MethodGet, "/unknown", http.NoBody))
	want(answer, err, http.StatusNotFound, "")
	request, err := http.NewRequest(http.MethodPost, "/again", bytes.NewReader([]byte("content")))
	if err != nil {
		t.Fatal(err)
	}
	answer, err = visitor.Do(request)
	want(answer, err, 200, "content")
	if _, err := visitor.Get("/loop"); err == nil || !strings.Contains(err.Error(), "redirects") {
		t.Errorf("a loop: %v", err)
	}
	answer, err = visitor.Get("/logout") // and back to the app, without a code
	want(answer, err, http.StatusBadRequest, "no state or code")
	if len(visitor.Cookies()) != 0 {
		t.Errorf("after signing out: %v", visitor.Cookies())
	}
}

func TestSignInTo_SignsInWithOneLine(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"form_post", "query"} {
		t.Run("Fiber v2, "+mode, func(t *testing.T) {
			t.Parallel()
			idp := newServer(t)
			app := fiber.New()
			app.Use(adaptor.HTTPHandler(toyApp(idp, "https://app.example", mode)))
			visits(t, idp, app.Test)
		})
		t.Run("signature of Fiber v3, "+mode, func(t *testing.T) {
			t.Parallel()
			idp := newServer(t)
			app := entratest.Handler(toyApp(idp, "https://app.example", mode))
			visits(t, idp, func(r *http.Request, config ...testConfig) (*http.Response, error) {
				if len(config) != 1 || config[0] != (testConfig{}) {
					t.Errorf("config %v", config)
				}
				if _, err := httputil.DumpRequest(r, true); err != nil { // as Fiber does it
					t.Error(err)
				}
				return app(r)
			})
		})
		t.Run("net/http, "+mode, func(t *testing.T) {
			t.Parallel()
			idp := newServer(t)
			visits(t, idp, entratest.Handler(toyApp(idp, "https://app.example", mode)))
		})
		t.Run("a running app, "+mode, func(t *testing.T) {
			t.Parallel()
			var app http.Handler
			running := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { app.ServeHTTP(w, r) }))
			t.Cleanup(running.Close)
			base := strings.Replace(running.URL, "127.0.0.1", "localhost", 1)
			idp := entratest.New(entratest.WithRedirectURI(base + "/user/authorized"))
			t.Cleanup(func() { _ = idp.Close() })
			app = toyApp(idp, base, mode)
			visits(t, idp, entratest.Client(running.Client()))
		})
	}
}

func TestSignInTo_ReportsWhatKeepsTheUserOut(t *testing.T) {
	t.Parallel()
	idp := newServer(t)
	app := entratest.Handler(toyApp(idp, "https://app.example", "query"))
	if _, err := entratest.SignInTo(idp, app, "/unknown", adeleName); err == nil || !strings.Contains(err.Error(), "/unknown led to no sign-in: status 404") {
		t.Errorf("an open page: %v", err)
	}
	var shown *entratest.PageError
	if _, err := entratest.SignInTo(idp, app, "/hello", "nobody@contoso.com"); !errors.As(err, &shown) || shown.Code != 50020 {
		t.Errorf("an unknown user: %v", err)
	}
	idp.Disable(adeleName)
	if _, err := entratest.SignInTo(idp, app, "/hello", adeleName); !errors.As(err, &shown) || shown.Code != 50057 {
		t.Errorf("a disabled user: %v", err)
	}
	if _, err := entratest.SignInTo(idp, app, ":", adeleName); err == nil {
		t.Error("a malformed path is accepted")
	}
}
