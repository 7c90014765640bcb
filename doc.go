// Package fibermsal signs users in with Microsoft Entra ID, keeps their tokens in sealed sessions
// on Fiber's storage, and returns those tokens to handlers: as an azcore credential, a Kiota
// provider, or, through the package graph, as a typed Microsoft Graph client.
//
// # How a sign-in works
//
// A guarded page redirects the browser to /user/login. That route seals the attempt, such as the page
// to return to, in the state parameter, and a random secret of the attempt in a cookie of this browser,
// from which nonce and PKCE verifier are derived. It redirects to Entra, which sends its answer to
// /user/authorized. The answer is accepted once, within ten minutes, and only with the secret that its
// state names. MSAL redeems the code. The library verifies the ID token completely, because MSAL does
// not. Then a session with a new ID begins, the previous session ends, and the browser returns to the
// page. A late or repeated answer signs nobody in: the browser is led to the page, by a new sign-in if
// necessary.
//
// Handlers start sign-ins by [StartSignIn], end sessions by [SignOut], and identify the session of a
// request by [SessionFromContext].
//
// # What is stored where
//
// The browser has the cookie __Host-fibermsal: 32 random bytes. The storage has two records under a
// hash of them, the session and MSAL's token cache, each sealed with AES-256-GCM for its place.
// Nothing is stored about a visitor until Entra has accepted the code of the visitor's own sign-in;
// then a marker ensures that other instances do not accept the response again.
//
// # Guarantees
//
// A fault of the storage or of Entra is answered with 503 and never signs a user out. No token,
// code, verifier, secret or cookie is logged, shown, or part of an error's text. Users are
// identified by tenant and object ID, never by a mail address. Handlers return the errors they get:
// if a sign-in can fix the error, the middleware redirects page navigations to sign in, and answers
// all other requests with 401 or 403: by a page if they accept HTML, by problem+json otherwise.
//
// # Web APIs
//
// [RequireToken] accepts users for whom a client calls with an access token for the app's own API, and
// [RequireFrom] any combination of sessions, tokens of users and tokens of apps. Checks, [FromContext],
// [TokenCredential] and the package graph work as for a session; tokens for other services come from the
// on-behalf-of flow. Refusals are challenges that say what the client must request (RFC 6750). Calls with a
// token read no storage. See docs/apis.md.
//
// # Compatibility
//
// Exported names, the Codes of errors, and the routes change only with a major version. Records
// that one minor version stored are read by the next. The packages fibermsal for Fiber v2 and
// fibermsal/v3 for Fiber v3 accept each other's sessions; both are thin faces of the package entra.
package fibermsal
