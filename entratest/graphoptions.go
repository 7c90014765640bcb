package entratest

import (
	"io/fs"
	"net/http"
)

// WithGraph lets a handler of the test serve a path of Graph, in addition to the emulator's own paths
// or instead of one. pattern is a pattern of [http.ServeMux] without a host, such as "/me/messages",
// "GET /users/{id}/calendar" or "/me/drive/". Its path is below /v1.0, unless it begins with /beta/.
// The handler receives only requests with a valid token for Graph; [Server.TokenUser] returns the
// token's user. The handler must check scopes itself. The option can be repeated to add handlers.
func WithGraph(pattern string, handler http.Handler) Option {
	return func(c *settings) {
		if c.graphHandlers == nil {
			c.graphHandlers = map[string]http.Handler{}
		}
		c.graphHandlers[pattern] = handler
	}
}

// WithGraphFiles serves paths of Graph from files. The response to GET /v1.0/me/messages is
// users/AdeleV@contoso.com/messages.json for that user if the file exists, and otherwise
// me/messages.json. The folder of a user is named by UPN or object ID, and also serves /users/{UPN or
// object ID}. The response to POST /v1.0/me/sendMail is me/sendMail.post.json, and so on for other
// methods. Paths of the beta version are below beta/. An empty file is a response without content. The
// extension determines the Content-Type, as in me/photo/$value.jpg. Requests need a valid token for
// Graph; the query and scopes have no effect. Handlers of [WithGraph] take precedence over files, and
// files over the emulator's own paths. Default: none.
func WithGraphFiles(files fs.FS) Option {
	return func(c *settings) { c.graphFiles = files }
}
