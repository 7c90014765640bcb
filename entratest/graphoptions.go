package entratest

import (
	"io/fs"
	"net/http"
)

// WithGraph lets a handler of the test serve a path of Graph, in addition to what the emulator serves or instead
// of it. pattern is a pattern of [http.ServeMux] without a host: "/me/messages", "GET /users/{id}/calendar" or
// "/me/drive/". Its path is below /v1.0, unless it begins with /beta/. The handler receives only requests with a
// valid token for Graph, whose user [Server.TokenUser] returns. It has to check scopes by itself. Repeated use adds
// handlers.
func WithGraph(pattern string, handler http.Handler) Option {
	return func(c *settings) {
		if c.graphHandlers == nil {
			c.graphHandlers = map[string]http.Handler{}
		}
		c.graphHandlers[pattern] = handler
	}
}

// WithGraphFiles serves Graph from files. GET /v1.0/me/messages is answered with users/AdeleV@contoso.com/messages.json
// for that user, or else with me/messages.json. The folder of a user has the UPN or the object ID as its name, and
// also serves /users/{UPN or object ID}. POST /v1.0/me/sendMail is answered with me/sendMail.post.json, and so on
// for other methods. Paths of the beta version are below beta/. An empty file is an answer without content. The extension
// determines the Content-Type: me/photo/$value.jpg. Requests need a valid token for Graph; query and scopes have no
// effect. Handlers of [WithGraph] take precedence over files, and files over what the emulator serves. Default:
// none.
func WithGraphFiles(files fs.FS) Option {
	return func(c *settings) { c.graphFiles = files }
}
