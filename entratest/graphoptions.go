package entratest

import (
	"io/fs"
	"net/http"
)

// WithGraph serves a path of Graph by a handler of the test, in addition to what the emulator serves or in
// place of it. pattern is one of [http.ServeMux] without a host: "/me/messages", "GET /users/{id}/calendar",
// "/me/drive/". Its path is below /v1.0, unless it begins with /beta/. The handler receives only requests that
// carry a valid token for Graph, whose owner [Server.TokenUser] returns; scopes are its own affair. Repeated use
// adds.
func WithGraph(pattern string, handler http.Handler) Option {
	return func(c *settings) {
		if c.graphHandlers == nil {
			c.graphHandlers = map[string]http.Handler{}
		}
		c.graphHandlers[pattern] = handler
	}
}

// WithGraphFiles serves Graph from files: GET /v1.0/me/messages from me/messages.json, and for one user from
// users/AdeleV@contoso.com/messages.json, which comes first. A POST of me/sendMail is answered with
// me/sendMail.post.json, and so on for other methods. Paths of the beta version are below beta/. An empty file
// is an answer without content. The extension determines the Content-Type: me/photo/$value.jpg. Requests need a
// valid token for Graph; query and scopes have no effect. Files come before what the emulator serves, and
// [WithGraph] before files. Default: none.
func WithGraphFiles(files fs.FS) Option {
	return func(c *settings) { c.graphFiles = files }
}
