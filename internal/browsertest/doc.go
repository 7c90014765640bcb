// Package browsertest is a browser for tests of web applications. It keeps cookies as
// browsers do, with the rules of Secure, SameSite and the name prefixes, it navigates,
// fetches, posts forms and follows redirects, and it searches everything that it was
// shown for secrets.
//
// It reaches the application through a [Doer], so that the same test drives a
// net/http handler, a server on a socket, or an app of any framework in the same
// process. It has no script engine and no cache.
package browsertest
