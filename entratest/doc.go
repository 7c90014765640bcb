// Package entratest is a strict Microsoft Entra ID and Microsoft Graph emulator for tests and for work
// without a tenant. It is to "Sign in with Microsoft" what net/http/httptest is to HTTP:
//
//	idp := entratest.New(entratest.WithRedirectURI("https://app.example/user/authorized"))
//	defer idp.Close()
//	// Configure the app under test with idp.Authority, idp.ClientID, idp.ClientSecret, idp.GraphURL
//	// and idp.HTTPClient; then play the browser:
//	answer, err := idp.SignIn(authorizeURL, "AdeleV@contoso.com")
//	response, err := app.Test(answer.Request())
//
// A server made by [New] opens no sockets and starts no goroutines: [Server.HTTPClient] runs the
// handlers in the caller's goroutine. It reads the time with time.Now, so inside a testing/synctest
// bubble an hour of token life passes in an instant. [Server.Listen] puts the same server on loopback
// for real browsers and for clients in other languages; cmd/entra-emulator is that as a program.
//
// # Strictness
//
// The emulator refuses what Entra ID refuses, with Entra's error codes, and where the real service is
// forgiving it takes the strict side: redirect URIs match exactly, PKCE is S256 or nothing, a code works
// once and for ten minutes, a secret travels in the form only, Graph accepts the very tokens that were
// issued for it, and a client assertion works once and for ten minutes. Scopes are echoed, accounts numbered
// and refresh tokens rotated as Entra does it.
//
// # Controls
//
// Everything that can go wrong can be asked for: [Server.Fault] breaks endpoints, [Server.Revoke],
// [Server.Disable], [Server.WithdrawConsent], [Server.SetSecrets], [Server.SetCertificates] and
// [Server.RequireAuthContext] act like an administrator, [Server.RotateKeys] like Microsoft, and
// [Server.TamperIDToken] like an attacker. [Server.NewBrowser] is somebody who stays signed in and signs
// out. [Server.Requests] tells what the app sent, and [Server.Secrets] what must never be found in its logs.
//
// All methods are safe for concurrent use unless they say otherwise.
package entratest
