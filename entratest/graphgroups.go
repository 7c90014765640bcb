package entratest

import (
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	defaultPage = 100
	maxPage     = 999
	// maxChecked and maxMembers are Graph's limits for checkMemberGroups and getMemberObjects.
	maxChecked = 20
	maxMembers = 11_000
)

// checkGroups is what checkMemberGroups needs: directoryobject-checkmembergroups.md of Graph's documentation.
var checkGroups = permissions{
	own:   []string{"User.Read", "GroupMember.Read.All"},
	other: []string{"User.Read.All", "GroupMember.Read.All"},
}

// serveMemberObjects is getMemberObjects: the ids of all groups.
func (s *Server) serveMemberObjects(w http.ResponseWriter, r *http.Request, path string) {
	_, a := s.graphMethod(w, r, http.MethodPost, path, readUser)
	if a == nil {
		return
	}
	var body struct {
		SecurityEnabledOnly *bool `json:"securityEnabledOnly"`
	}
	switch fail := readBody(r, &body); {
	case fail != nil:
		s.writeGraphError(w, r, fail)
	case body.SecurityEnabledOnly == nil:
		s.writeGraphError(w, r, badRequest("The parameter securityEnabledOnly is missing."))
	case len(a.Groups) > maxMembers:
		s.writeGraphError(w, r, &graphError{status: http.StatusBadRequest, code: "Directory_ResultSizeLimitExceeded", message: "The result set is too large. Use paging."})
	default:
		s.writeStrings(w, a.Groups)
	}
}

// serveCheckGroups is checkMemberGroups: which of these groups the user is a member of.
func (s *Server) serveCheckGroups(w http.ResponseWriter, r *http.Request, path string) {
	_, a := s.graphMethod(w, r, http.MethodPost, path, checkGroups)
	if a == nil {
		return
	}
	var body struct {
		GroupIDs []string `json:"groupIds"`
	}
	malformed := func(id string) bool { return !guid.MatchString(strings.ToLower(id)) }
	switch fail := readBody(r, &body); {
	case fail != nil:
		s.writeGraphError(w, r, fail)
	case len(body.GroupIDs) == 0 || len(body.GroupIDs) > maxChecked:
		s.writeGraphError(w, r, badRequest("The parameter groupIds must have 1 to 20 ids."))
	case slices.ContainsFunc(body.GroupIDs, malformed):
		s.writeGraphError(w, r, badRequest("Invalid GUID in groupIds."))
	default:
		isMember := func(id string) bool {
			return slices.ContainsFunc(a.Groups, func(g string) bool { return strings.EqualFold(g, id) })
		}
		s.writeStrings(w, slices.DeleteFunc(body.GroupIDs, func(id string) bool { return !isMember(id) }))
	}
}

// readBody reads a JSON object.
func readBody(r *http.Request, into any) *graphError {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &graphError{status: http.StatusUnsupportedMediaType, code: "Request_BadRequest", message: "Write requests are only supported on JSON."}
	}
	if json.NewDecoder(r.Body).Decode(into) != nil {
		return badRequest("Unable to read JSON request payload.")
	}
	return nil
}

func (s *Server) writeStrings(w http.ResponseWriter, list []string) {
	if list == nil {
		list = []string{}
	}
	s.writeObject(w, []property{{"@odata.context", s.GraphURL + "/$metadata#Collection(Edm.String)"}, {"value", list}})
}

// memberOfPage is a page of a membership list that was asked for.
type memberOfPage struct {
	offset, size int
	selected     []string
	count        bool
}

// serveMemberOf is transitiveMemberOf, in pages. entra: with User.Read alone, groups show nothing but their
// ids (limited-info.md of Graph's documentation).
func (s *Server) serveMemberOf(w http.ResponseWriter, r *http.Request, path string) {
	t, a := s.graphMethod(w, r, http.MethodGet, path, readUser)
	if a == nil {
		return
	}
	cast := strings.HasSuffix(path, "/microsoft.graph.group")
	page, fail := readPage(r, cast)
	if fail == nil && page.offset > len(a.Groups) {
		fail = expiredPage
	}
	if fail != nil {
		s.writeGraphError(w, r, fail)
		return
	}
	set := "directoryObjects"
	if cast {
		set = "groups"
	}
	object := []property{{"@odata.context", s.GraphURL + "/$metadata#" + set}}
	if page.count {
		object = append(object, property{"@odata.count", len(a.Groups)})
	}
	end := min(page.offset+page.size, len(a.Groups))
	if end < len(a.Groups) {
		object = append(object, property{"@odata.nextLink", s.nextLink(r, path, end)})
	}
	groups := []json.RawMessage{}
	for _, id := range a.Groups[page.offset:end] {
		groups = append(groups, encodeObject(group(id, permits(t.names, "GroupMember.Read.All"), page.selected)))
	}
	s.writeObject(w, append(object, property{"value", groups}))
}

var expiredPage = &graphError{status: http.StatusBadRequest, code: "Directory_ExpiredPageToken", message: "The specified page token value has expired and can no longer be included in your request."}

// groupProperties are those of a group that can be selected, in Graph's order.
var groupProperties = []string{"id", "description", "displayName", "mail", "mailEnabled", "mailNickname", "securityEnabled"}

// group describes a group, of which the emulator knows the id alone.
func group(id string, readable bool, selected []string) []property {
	values := map[string]any{"id": id}
	if readable {
		values["displayName"], values["securityEnabled"], values["mailEnabled"] = "Group "+id, true, false
	}
	out := []property{{"@odata.type", "#microsoft.graph.group"}}
	for _, name := range groupProperties {
		if len(selected) == 0 || slices.Contains(selected, name) {
			out = append(out, property{name, values[name]})
		}
	}
	return out
}

// pageMark begins the page tokens, so that others are known for what they are.
const pageMark = "RFNwdAIAAQ"

// readPage reads the query options: $top, $select, $count and the link's own $skiptoken. entra: others, and
// the cast to a type, are advanced queries, which need ConsistencyLevel and $count.
func readPage(r *http.Request, cast bool) (memberOfPage, *graphError) {
	page, q := memberOfPage{size: defaultPage}, r.URL.Query()
	page.count = q.Get("$count") == "true" && strings.EqualFold(r.Header.Get("ConsistencyLevel"), "eventual")
	for name := range q {
		if !slices.Contains([]string{"$top", "$select", "$count", "$skiptoken"}, name) {
			return page, unsupported("The query option '" + name + "' is not supported.")
		}
	}
	if cast && !page.count {
		return page, unsupported("The request needs the header ConsistencyLevel: eventual and $count=true.")
	}
	if raw := q.Get("$top"); raw != "" {
		size, err := strconv.Atoi(raw)
		if err != nil || size < 1 || size > maxPage {
			return page, badRequest("Invalid page size specified: '" + raw + "'. Must be between 1 and 999 inclusive.")
		}
		page.size = size
	}
	if names := q.Get("$select"); names != "" {
		page.selected = strings.Split(names, ",")
		for _, name := range page.selected {
			if !slices.Contains(groupProperties, name) {
				return page, &graphError{status: http.StatusBadRequest, code: "BadRequest", message: "Parsing OData Select and Expand failed: Could not find a property named '" + name + "' on type 'microsoft.graph.directoryObject'."}
			}
		}
	}
	var fail *graphError
	if q.Has("$skiptoken") {
		fail = page.skip(q.Get("$skiptoken"))
	}
	return page, fail
}

func unsupported(message string) *graphError {
	return &graphError{status: http.StatusBadRequest, code: "Request_UnsupportedQuery", message: message}
}

func (p *memberOfPage) skip(token string) *graphError {
	encoded, ok := strings.CutPrefix(token, pageMark)
	decoded, err := base64.RawURLEncoding.DecodeString(encoded)
	offset, notNumber := strconv.Atoi(string(decoded))
	if !ok || err != nil || notNumber != nil || offset < 0 {
		return expiredPage
	}
	p.offset = offset
	return nil
}

// nextLink is the address of the page that begins at offset: the same query, and a token.
func (s *Server) nextLink(r *http.Request, path string, offset int) string {
	v := r.URL.Query()
	v.Set("$skiptoken", pageMark+base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(offset))))
	u := url.URL{Path: "/" + path}
	return s.GraphURL + u.EscapedPath() + "?" + strings.ReplaceAll(v.Encode(), "%24", "$")
}
