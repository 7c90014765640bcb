package graphapi

import (
	"net/http"
	"strings"
)

// serveUnknown serves all other paths of Graph.
func (a *API) serveUnknown(w http.ResponseWriter, r *http.Request, path string) {
	setHeaders(w.Header(), r)
	t, fail := a.authenticate(r, path)
	switch {
	case fail != nil:
	case !permits(t.Names, "User.Read"):
		fail = unprivileged()
	default:
		fail = missing(path)
	}
	fail.write(w)
}

// missing is the error about a path that is not served. entra: it names the segment that does not exist.
func missing(path string) *failure {
	first, id, rest := split(path)
	noSegment := func(name string) *failure { return badQuery("Resource not found for the segment '" + name + "'.") }
	switch {
	case first != "me" && first != "users":
		if known, _, _ := strings.Cut(first, "("); knownAtTop[known] {
			return unserved(path)
		}
		return noSegment(first)
	case id == "" && first == "users":
		return unserved(path)
	case id == placeholder:
		return notFound(id)
	}
	list := strings.Split(rest, "/")
	name, unknown := belowUser.unknown(list)
	switch {
	case !unknown, knownBelowUser[list[0]] && belowUser[list[0]] == nil:
		return unserved(path)
	default:
		return noSegment(name)
	}
}

// unserved is the error for paths that Graph serves and the emulator does not. It shows developers that
// the path itself is correct.
func unserved(path string) *failure {
	return badQuery("The emulator does not serve /" + path + ". Tests serve it with entratest.WithGraph, entra-emulator with -graph-files.")
}
