package graphapi

import (
	"net/http"
	"strings"
)

// Area is a part of Graph.
type Area int

// The areas. User is everything below /users/{id} except groups.
const (
	Other Area = iota
	Me
	Manager
	Photo
	User
	Groups
)

// Handler serves a path below /v1.0/ or /beta/.
type Handler func(w http.ResponseWriter, r *http.Request, path string)

// placeholder is the name that the SDK sends instead of /me if its middleware is missing. No user has
// this name.
const placeholder = "me-token-to-replace"

// route finds the emulator's own handler of a path below /v1.0/.
func (a *API) route(path string) (Area, Handler) {
	first, id, rest := split(path)
	area, handler := a.routeBelowUser(rest)
	switch {
	case handler == nil, strings.HasSuffix(path, "/"), first != "me" && id == "", id == placeholder:
		return Other, a.serveUnknown
	case first == "users" && area != Groups:
		area = User
	}
	return area, handler
}

// routeBelowUser finds the handler of a path below /me and below /users/{id}.
func (a *API) routeBelowUser(path string) (Area, Handler) {
	if isPhotoSize(path) {
		return Photo, a.servePhoto
	}
	switch path {
	case "":
		return Me, a.serveUser
	case "manager":
		return Manager, a.serveManager
	case "photo":
		return Photo, a.servePhotoMetadata
	case "photo/$value":
		return Photo, a.servePhoto
	case "checkMemberGroups":
		return Groups, a.serveCheckGroups
	case "getMemberObjects":
		return Groups, a.serveMemberObjects
	case "transitiveMemberOf", "transitiveMemberOf/microsoft.graph.group":
		return Groups, a.serveMemberOf
	default:
		return Other, nil
	}
}
