package entra

import "net/http"

// Routes are routes that a package offers, such as graph.Routes, and that RegisterRoutes of a
// face mounts under its prefix.
type Routes []Route

// Route answers GET and HEAD on a path below the prefix. Serve is called for the request whose
// signed-in user c identifies, with a function that returns a header of the request.
type Route struct {
	Path  string
	Serve func(c Locals, header func(name string) string) (*Reply, error)
}

// Reply is the answer of a Route.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}
