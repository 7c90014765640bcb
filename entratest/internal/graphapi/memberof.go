package graphapi

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	defaultPage = 100
	maxPage     = 999
)

// memberOfPage is the requested page of a membership list.
type memberOfPage struct {
	offset, size int
	selected     []string
	count        bool
}

// serveMemberOf is transitiveMemberOf, in pages. entra: with User.Read alone, groups show nothing but their
// ids (limited-info.md of Graph's documentation).
func (a *API) serveMemberOf(w http.ResponseWriter, r *http.Request, path string) {
	t, about := a.call(w, r, http.MethodGet, path, readUser)
	if about == nil {
		return
	}
	cast := strings.HasSuffix(path, "/microsoft.graph.group")
	page, fail := readPage(r, cast)
	if fail == nil && page.offset > len(about.Groups) {
		fail = expiredPage
	}
	if fail != nil {
		fail.write(w)
		return
	}
	set := "directoryObjects"
	if cast {
		set = "groups"
	}
	object := []property{{"@odata.context", a.origins.GraphURL() + "/$metadata#" + set}}
	if page.count {
		object = append(object, property{"@odata.count", len(about.Groups)})
	}
	end := min(page.offset+page.size, len(about.Groups))
	if end < len(about.Groups) {
		object = append(object, property{"@odata.nextLink", a.nextLink(r, path, end)})
	}
	groups := []json.RawMessage{}
	for _, id := range about.Groups[page.offset:end] {
		groups = append(groups, encodeObject(group(id, permits(t.Names, "GroupMember.Read.All"), page.selected)))
	}
	writeObject(w, append(object, property{"value", groups}))
}

var expiredPage = &failure{status: http.StatusBadRequest, code: "Directory_ExpiredPageToken", message: "The specified page token value has expired and can no longer be included in your request."}

// groupProperties are those of a group that can be selected, in Graph's order.
var groupProperties = []string{"id", "description", "displayName", "mail", "mailEnabled", "mailNickname", "securityEnabled"}

// group returns the properties of a group. The emulator has only the ids of groups.
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

// pageMark begins the page tokens, so that tokens of another origin are recognized.
const pageMark = "RFNwdAIAAQ"

// readPage reads the query options: $top, $select, $count and the link's own $skiptoken. entra: others, and
// the cast to a type, are advanced queries, which need ConsistencyLevel and $count.
func readPage(r *http.Request, cast bool) (memberOfPage, *failure) {
	page, q := memberOfPage{size: defaultPage}, r.URL.Query()
	page.count = isAdvanced(r)
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
		var unknown string
		if page.selected, unknown = readSelection(names, groupProperties); unknown != "" {
			return page, unknownProperty(unknown, "directoryObject")
		}
	}
	var fail *failure
	if q.Has("$skiptoken") {
		fail = page.skip(q.Get("$skiptoken"))
	}
	return page, fail
}

func (p *memberOfPage) skip(token string) *failure {
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
func (a *API) nextLink(r *http.Request, path string, offset int) string {
	v := r.URL.Query()
	v.Set("$skiptoken", pageMark+base64.RawURLEncoding.EncodeToString([]byte(strconv.Itoa(offset))))
	u := url.URL{Path: "/" + path}
	return a.origins.GraphURL() + u.EscapedPath() + "?" + strings.ReplaceAll(v.Encode(), "%24", "$")
}
