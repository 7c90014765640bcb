package graphapi

import (
	"encoding/json"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/ids"
)

// Graph's limits for checkMemberGroups and getMemberObjects.
const (
	maxChecked = 20
	maxMembers = 11_000
)

// checkGroups are the permissions that checkMemberGroups requires: directoryobject-checkmembergroups.md
// of Graph's documentation.
var checkGroups = permissions{
	own:   []string{"User.Read", "GroupMember.Read.All"},
	other: []string{"User.Read.All", "GroupMember.Read.All"},
}

// serveMemberObjects is getMemberObjects: the ids of all groups.
func (a *API) serveMemberObjects(w http.ResponseWriter, r *http.Request, path string) {
	_, about := a.call(w, r, http.MethodPost, path, readUser)
	if about == nil {
		return
	}
	var body struct {
		SecurityEnabledOnly *bool `json:"securityEnabledOnly"`
	}
	switch fail := readBody(r, &body); {
	case fail != nil:
		fail.write(w)
	case body.SecurityEnabledOnly == nil:
		badRequest("The parameter securityEnabledOnly is missing.").write(w)
	case len(about.Groups) > maxMembers:
		tooMany := &failure{status: http.StatusBadRequest, code: "Directory_ResultSizeLimitExceeded", message: "The result set is too large. Use paging."}
		tooMany.write(w)
	default:
		a.writeStrings(w, about.Groups)
	}
}

// serveCheckGroups is checkMemberGroups: those of the given groups that the user is a member of.
func (a *API) serveCheckGroups(w http.ResponseWriter, r *http.Request, path string) {
	_, about := a.call(w, r, http.MethodPost, path, checkGroups)
	if about == nil {
		return
	}
	var body struct {
		GroupIDs []string `json:"groupIds"`
	}
	malformed := func(id string) bool { return !ids.IsGUID(strings.ToLower(id)) }
	switch fail := readBody(r, &body); {
	case fail != nil:
		fail.write(w)
	case len(body.GroupIDs) == 0 || len(body.GroupIDs) > maxChecked:
		badRequest("The parameter groupIds must have 1 to 20 ids.").write(w)
	case slices.ContainsFunc(body.GroupIDs, malformed):
		badRequest("Invalid GUID in groupIds.").write(w)
	default:
		isMember := func(id string) bool {
			return slices.ContainsFunc(about.Groups, func(g string) bool { return strings.EqualFold(g, id) })
		}
		a.writeStrings(w, slices.DeleteFunc(body.GroupIDs, func(id string) bool { return !isMember(id) }))
	}
}

// readBody reads a JSON object.
func readBody(r *http.Request, into any) *failure {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &failure{status: http.StatusUnsupportedMediaType, code: "Request_BadRequest", message: "Write requests are only supported on JSON."}
	}
	if json.NewDecoder(r.Body).Decode(into) != nil {
		return badRequest("Unable to read JSON request payload.")
	}
	return nil
}

func (a *API) writeStrings(w http.ResponseWriter, list []string) {
	if list == nil {
		list = []string{}
	}
	writeObject(w, []property{{"@odata.context", a.origins.GraphURL() + "/$metadata#Collection(Edm.String)"}, {"value", list}})
}
