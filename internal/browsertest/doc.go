// Package browsertest is a browser for tests of web applications. It keeps cookies as
// browsers do, with the rules of Secure, SameSite and the name prefixes. It navigates,
// fetches, posts forms and follows redirects, and it searches all responses for secrets.
//
// It reaches the application through a [Doer], so that the same test drives a
// net/http handler, a server on a socket, or an app of any framework in the same
// process. It has neither a script engine nor a cache.
package browsertest
