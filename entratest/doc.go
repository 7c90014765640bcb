// Package entratest is a strict Microsoft Entra ID and Microsoft Graph emulator for tests and for work
// without a tenant. It is to "Sign in with Microsoft" what net/http/httptest is to HTTP:
//
//	idp := entratest.New(entratest.WithRedirectURI("https://app.example/user/authorized"))
//	defer idp.Close()
//	// Configure the app under test with idp.Authority, idp.ClientID, idp.ClientSecret, idp.GraphURL
//	// and idp.HTTPClient; then let a user sign in, with app.Test of Fiber or with [Handler] and [Client]:
//	visitor, err := entratest.SignInTo(idp, app.Test, "/hello", "AdeleV@contoso.com")
//
// A server made by [New] opens no sockets and starts no goroutines: [Server.HTTPClient] runs the
// handlers in the caller's goroutine. It reads the time with time.Now, so inside a testing/synctest
// bubble an hour of token life passes in an instant. [Server.Listen] serves it on loopback for real
// browsers and for clients in other languages; cmd/entra-emulator does that as a program.
//
// # Strictness
//
// The emulator refuses what Entra ID refuses, with Entra's error codes, and where the real service is
// lenient it is strict: redirect URIs match exactly, the only PKCE method is S256, a code works once and for
// ten minutes, Graph accepts exactly the tokens that were issued for it, and a client assertion must expire within
// ten minutes. Until then it may be used again, as at Entra; with [WithOneTimeAssertions] it works once. The
// application authenticates by a secret in the form or in a Basic header, or by an assertion, but never by two of
// them. Scopes are echoed, accounts identified and refresh tokens rotated as Entra does.
//
// docs/emulator.md of the repository lists what is served and what is not. [WithGraph] and [WithGraphFiles] add
// parts of Graph.
//
// # Controls
//
// A test can cause every failure. [Server.Fault] breaks endpoints. [Server.Revoke], [Server.Disable],
// [Server.WithdrawConsent], [Server.SetSecrets], [Server.SetCertificates], [Server.RequireAuthContext] and
// [Server.UseAppSigningKey] act like an administrator, [Server.RotateKeys] like Microsoft, and
// [Server.TamperIDToken] and [Server.TamperAccessToken] like an attacker. [Server.NewBrowser] returns the browser of
// a user who stays signed in at Entra and signs out, and [SignInTo] one that visits the app as well.
// [Server.Requests] returns the app's requests, and [Server.Secrets] the texts that must never be found in its logs.
//
// All methods are safe for concurrent use unless they say otherwise.
package entratest
