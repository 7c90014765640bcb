// Package fibermsal signs users in with Microsoft Entra ID, keeps their tokens in
// sealed sessions on Fiber's storage, and gives handlers those tokens: as an
// azcore credential, a Kiota provider, or, through its package graph, as a typed
// Microsoft Graph client.
//
// # The story of a sign-in
//
// A guarded page sends the browser to /user/login. That puts one sealed,
// ten-minute cookie into the browser, with a random seed of which state, nonce
// and PKCE verifier are made, and sends it to Entra. Entra posts its answer to
// /user/authorized. The answer counts only if its state opens that cookie, once.
// MSAL redeems the code; the id_token is verified in full, for MSAL does not. Then
// a session with a new id begins, the one before it ends, and the browser goes
// back to where it came from.
//
// # What is kept where
//
// The browser holds the cookie __Host-fibermsal: 32 random bytes. The storage
// holds two records under a hash of them, the session and MSAL's token cache,
// each sealed with AES-256-GCM for exactly its place. Of a visitor nothing is stored
// before Entra's answer to their own sign-in arrives, and then a marker that makes
// the answer count once.
//
// # Promises
//
// A fault of the storage or of Entra is a 503 and never signs anybody out. No
// token, code, verifier, secret or cookie is logged, shown, or part of an error's
// text. Users are identified by tenant and object id, never by a mail address.
// Handlers return the errors they get; the middleware turns those that a sign-in
// can mend into one, for page navigations, and into 401 for everything else.
//
// # Compatibility
//
// Exported names, the Codes of errors, and the routes change only with a major
// version. Records written by one minor version are read by the next.
package fibermsal
