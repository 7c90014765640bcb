// Package fibermsal signs users in with Microsoft Entra ID, keeps their tokens in sealed sessions
// on Fiber's storage, and returns those tokens to handlers: as an azcore credential, a Kiota
// provider, or, through the package graph, as a typed Microsoft Graph client.
//
// # How a sign-in works
//
// A guarded page redirects the browser to /user/login. That route seals the details of the attempt,
// such as the page to return to, in the state parameter, and a random secret in a cookie. The nonce and
// the PKCE verifier are derived from the secret. The route then redirects to Entra, which sends its
// response to /user/authorized. A response is accepted only once, within ten minutes, and only from a
// browser that has the secret for its state. MSAL redeems the authorization code. The library verifies
// the ID token completely, because MSAL does not. Then a session with a new ID begins, the previous
// session ends, and the browser returns to the page. A late or repeated response does not sign anyone
// in; the browser is redirected to the page, through a new sign-in if necessary.
//
// Handlers start sign-ins with [StartSignIn], end sessions with [SignOut], and identify the session of
// a request with [SessionFromContext].
//
// # What is stored where
//
// The browser has the cookie __Host-fibermsal, which contains 32 random bytes. The storage has two
// records, the session and MSAL's token cache, whose keys are made from a hash of these bytes. Each
// record is sealed with AES-256-GCM and does not open if it is moved to another storage key. Nothing is
// stored about a visitor until Entra has accepted the authorization code of the visitor's own sign-in.
// From then on, a marker prevents all instances from accepting the same response again.
//
// # Guarantees
//
// If the storage or Entra fails, requests get 503 and users stay signed in. No token, code, verifier,
// secret or cookie value is logged, shown, or contained in the text of an error. Users are identified
// by tenant and object ID, never by a mail address. Handlers return the errors that they receive. If
// signing in can fix the error, the middleware redirects page navigations to sign in and answers all
// other requests with 401 or 403, as a page if they accept HTML and as problem+json otherwise.
//
// # Web APIs
//
// [RequireToken] accepts clients that call on behalf of a user with an access token for the app's own
// API. [RequireFrom] accepts any combination of sessions, users' tokens and apps' tokens. Checks,
// [FromContext], [TokenCredential] and the package graph work as they do for a session; tokens for
// other services come from the on-behalf-of flow. A rejected request gets a challenge that states what
// the client must request (RFC 6750). Authenticating a request with a token does not read the storage.
// See docs/apis.md.
//
// # Compatibility
//
// Exported names, the Codes of errors, and the routes change only with a major version. Each minor
// version can read the records that the previous one stored. The packages fibermsal (for Fiber v2) and
// fibermsal/v3 (for Fiber v3) accept each other's sessions; both are thin layers over the package
// entra.
package fibermsal
