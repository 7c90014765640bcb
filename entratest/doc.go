// Package entratest is a strict Microsoft Entra ID and Microsoft Graph emulator for tests and for work
// without a tenant. It is to "Sign in with Microsoft" what net/http/httptest is to HTTP:
//
//	idp := entratest.New(entratest.WithRedirectURI("https://app.example/user/authorized"))
//	defer idp.Close()
//	// Configure the app under test with idp.Authority, idp.ClientID, idp.ClientSecret, idp.GraphURL
//	// and idp.HTTPClient; then let a user sign in, with app.Test of Fiber or with [Handler] and [Client]:
//	visitor, err := entratest.SignInTo(idp, app.Test, "/hello", "AdeleV@contoso.com")
//
// The server that [New] returns opens no sockets and starts no goroutines: [Server.HTTPClient] runs the
// handlers in the caller's goroutine. It reads the time with time.Now, so in a testing/synctest bubble
// an hour of a token's lifetime passes in an instant. [Server.Listen] serves it on loopback for real
// browsers and for clients in other languages; cmd/entra-emulator does the same as a program.
//
// # Strictness
//
// The emulator refuses what Entra ID refuses, with Entra's error codes. Where Entra is lenient, the
// emulator is strict: redirect URIs must match exactly, S256 is the only PKCE method, a code works once
// and for ten minutes, Graph accepts only tokens that were issued for it, and a client assertion must
// expire within ten minutes. Until it expires, an assertion may be used again, as with Entra; with
// [WithOneTimeAssertions] it works once. The application authenticates with a secret in the form, a
// secret in a Basic header, or an assertion; a request with more than one of these is refused. Scopes
// are echoed, accounts are identified, and refresh tokens are rotated as in Entra.
//
// docs/emulator.md in the repository lists what is served and what is not. [WithGraph] and
// [WithGraphFiles] add parts of Graph.
//
// # Controls
//
// Tests can simulate every kind of failure. [Server.Fault] makes endpoints fail. [Server.Revoke],
// [Server.Disable], [Server.WithdrawConsent], [Server.SetSecrets], [Server.SetCertificates],
// [Server.RequireAuthContext] and [Server.UseAppSigningKey] act like an administrator,
// [Server.RotateKeys] like Microsoft, and [Server.TamperIDToken] and [Server.TamperAccessToken] like an
// attacker. [Server.NewBrowser] returns a browser that keeps its session at Entra, and [SignInTo] a
// browser that also visits the app. [Server.Requests] returns the app's requests, and [Server.Secrets]
// the values that must never appear in its logs.
//
// All methods are safe for concurrent use unless they say otherwise.
package entratest
