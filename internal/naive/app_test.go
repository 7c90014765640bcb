package naive_test

import (
	"errors"
	"fmt"
	"net/url"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential" //nolint:depguard // this app has no fibermsal
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/session"

	"github.com/fibermsal/fibermsal/entratest"
)

const (
	publicURL     = "https://app.example"
	redirectURI   = publicURL + "/callback"
	sessionCookie = "session_id" // Fiber's default
)

// app is one instance of the app. Its handlers follow the documentation of Fiber and of MSAL Go, and
// also do the work that both leave to the app: it checks state, sends a PKCE challenge, has Secure and
// HttpOnly cookies, begins a new session at each sign-in, and neither ignores errors nor shows them to
// users.
type app struct {
	idp      *entratest.Server
	sessions *session.Store
	client   func(*session.Session) (confidential.Client, error)
	web      *fiber.App
	log      *logbook
}

// newApp returns an instance with its sessions in a storage, or in memory if storage is nil.
func newApp(t *testing.T, idp *entratest.Server, storage fiber.Storage) *app {
	t.Helper()
	a := &app{idp: idp, log: &logbook{}}
	a.sessions = session.New(session.Config{Storage: storage, CookieSecure: true, CookieHTTPOnly: true})
	a.client = func(sess *session.Session) (confidential.Client, error) { return newClient(idp, sessionCache{sess}) }
	a.web = fiber.New(fiber.Config{ErrorHandler: a.fail, DisableStartupMessage: true})
	a.web.Get("/me", a.me)
	a.web.Get("/login", a.login)
	a.web.Get("/callback", a.callback)
	a.web.Get("/token", a.token)
	a.web.Post("/logout", a.logout)
	return a
}

// fail logs an error and responds with its status only.
func (a *app) fail(c *fiber.Ctx, err error) error {
	a.log.Printf("%s %s: %v", c.Method(), c.Path(), err)
	status := fiber.StatusInternalServerError
	var e *fiber.Error
	if errors.As(err, &e) {
		status = e.Code
	}
	return c.SendStatus(status)
}

// me is a page about the user.
func (a *app) me(c *fiber.Ctx) error {
	sess, err := a.sessions.Get(c)
	if err != nil {
		return err
	}
	name, ok := sess.Get("name").(string)
	if !ok {
		return fiber.ErrUnauthorized
	}
	return c.SendString(name)
}

// token is a page that calls an API. It responds with the owner of the token that it got.
func (a *app) token(c *fiber.Ctx) error {
	sess, err := a.sessions.Get(c)
	if err != nil {
		return err
	}
	id, ok := sess.Get("account").(string)
	if !ok {
		return fiber.ErrUnauthorized
	}
	client, err := a.client(sess)
	if err != nil {
		return err
	}
	account, err := client.Account(c.UserContext(), id)
	if err != nil {
		return err
	}
	scopes := []string{c.Query("scope", "User.Read")}
	result, err := client.AcquireTokenSilent(c.UserContext(), scopes, confidential.WithSilentAccount(account))
	if err != nil { // as MSAL's samples do: the user has to sign in again
		return fmt.Errorf("%w: %w", fiber.ErrUnauthorized, err)
	}
	// MSAL's cache may have changed, and Fiber prolongs a session when it is saved.
	if err := sess.Save(); err != nil {
		return err
	}
	owner, _ := a.idp.TokenUser(result.AccessToken)
	return c.SendString(owner)
}

// logout ends the session here and at Entra.
func (a *app) logout(c *fiber.Ctx) error {
	sess, err := a.sessions.Get(c)
	if err != nil {
		return err
	}
	if err := sess.Destroy(); err != nil {
		return err
	}
	return c.Redirect(a.idp.Authority + "/oauth2/v2.0/logout?post_logout_redirect_uri=" + url.QueryEscape(publicURL+"/"))
}
