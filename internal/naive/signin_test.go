package naive_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/url"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential" //nolint:depguard // this app has no fibermsal
	"github.com/gofiber/fiber/v2"
)

// login sends the user to Entra, and stores the values for the callback in the session. MSAL's URL has
// neither state nor a PKCE challenge.
func (a *app) login(c *fiber.Ctx) error {
	sess, err := a.sessions.Get(c)
	if err != nil {
		return err
	}
	client, err := a.client(sess)
	if err != nil {
		return err
	}
	scopes := []string{"openid", "profile", "offline_access", "User.Read"}
	address, err := client.AuthCodeURL(c.UserContext(), a.idp.ClientID, redirectURI, scopes)
	if err != nil {
		return err
	}
	state, verifier := rand.Text(), rand.Text()+rand.Text() // of 43 characters at least (RFC 7636, 4.1)
	challenge := sha256.Sum256([]byte(verifier))
	more := url.Values{
		"state": {state}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])},
	}
	sess.Set("state", state)
	sess.Set("verifier", verifier)
	if err := sess.Save(); err != nil {
		return err
	}
	return c.Redirect(address + "&" + more.Encode())
}

// callback redeems the code, and begins a new session (session fixation).
func (a *app) callback(c *fiber.Ctx) error {
	sess, err := a.sessions.Get(c)
	if err != nil {
		return err
	}
	state, _ := sess.Get("state").(string)
	verifier, _ := sess.Get("verifier").(string)
	if state == "" || c.Query("state") != state {
		return fiber.ErrBadRequest
	}
	client, err := a.client(sess)
	if err != nil {
		return err
	}
	result, err := client.AcquireTokenByAuthCode(c.UserContext(), c.Query("code"), redirectURI, []string{"User.Read"}, confidential.WithChallenge(verifier))
	if err != nil {
		return err
	}
	if err := sess.Regenerate(); err != nil {
		return err
	}
	sess.Delete("state")
	sess.Delete("verifier")
	sess.Set("account", result.Account.HomeAccountID)
	sess.Set("name", result.Account.PreferredUsername)
	if err := sess.Save(); err != nil {
		return err
	}
	return c.Redirect("/me")
}
