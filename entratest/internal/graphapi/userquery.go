package graphapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/entratest/internal/directory"
)

// userQuery are the query options of a request for one user.
type userQuery struct {
	selected []string      // nil for the default properties
	manager  *managerQuery // nil without $expand=manager
}

// managerQuery contains the options for the manager in $expand.
type managerQuery struct {
	selected []string
	levels   int // number of levels of managers
}

const (
	navigation = "manager"
	everything = "*"
	allLevels  = 1000 // as $levels=max
)

// userProperties are the names of a user's properties.
var userProperties = func() []string {
	var names []string
	for _, p := range properties(directory.User{}) {
		names = append(names, p.name)
	}
	return names
}()

// readUserQuery reads $select and $expand. Other options of OData make no sense for one user, and are refused
// rather than ignored, as Graph does it. entra: parameters without a dollar sign are ignored.
func readUserQuery(r *http.Request) (userQuery, *failure) {
	var q userQuery
	options := r.URL.Query()
	for name := range options {
		if strings.HasPrefix(name, "$") && !slices.Contains([]string{"$select", "$expand", "$count", "$format"}, name) {
			return q, badQuery("The query specified in the URI is not valid. The requested resource is not a collection: '" + name + "' can be applied only on collections.")
		}
	}
	var fail *failure
	if q.selected, fail = selectUser(options.Get("$select")); fail != nil {
		return q, fail
	}
	if options.Has("$expand") {
		q.manager, fail = readExpand(options)
	}
	if fail == nil && q.manager != nil && q.manager.levels > 1 && !isAdvanced(r) {
		fail = unsupported("The request needs the header ConsistencyLevel: eventual and $count=true.")
	}
	return q, fail
}

// isAdvanced reports whether the request may use advanced queries.
func isAdvanced(r *http.Request) bool {
	return r.URL.Query().Get("$count") == "true" && strings.EqualFold(r.Header.Get("ConsistencyLevel"), "eventual")
}

// selectUser reads a $select of a user's properties; nil means the default ones.
func selectUser(raw string) ([]string, *failure) {
	switch strings.TrimSpace(raw) {
	case "":
		return nil, nil
	case everything:
		return userProperties, nil
	}
	names, unknown := readSelection(raw, append(slices.Clone(userProperties), navigation))
	if unknown != "" {
		return nil, unknownProperty(unknown, "user")
	}
	return slices.DeleteFunc(names, func(name string) bool { return name == navigation }), nil
}

// readExpand reads manager, or manager($levels=max;$select=id,displayName).
func readExpand(options url.Values) (*managerQuery, *failure) {
	name, rest, nested := strings.Cut(options.Get("$expand"), "(")
	name = strings.TrimSpace(name)
	switch {
	case !strings.EqualFold(name, navigation) && knownBelowUser[name]:
		return nil, badQuery("$expand=" + name + " is not served by the emulator.")
	case !strings.EqualFold(name, navigation):
		return nil, unknownProperty(name, "user")
	}
	q := &managerQuery{levels: 1}
	if !nested {
		return q, nil
	}
	inner, closed := strings.CutSuffix(strings.TrimSpace(rest), ")")
	if !closed {
		return nil, badQuery("Parsing OData Select and Expand failed: the $expand option '" + options.Get("$expand") + "' is malformed.")
	}
	for option := range strings.SplitSeq(inner, ";") {
		if fail := q.read(option); fail != nil {
			return nil, fail
		}
	}
	return q, nil
}

// read reads one of the options in parentheses.
func (q *managerQuery) read(option string) (fail *failure) {
	name, value, _ := strings.Cut(strings.TrimSpace(option), "=")
	switch name {
	case "":
	case "$select":
		q.selected, fail = selectUser(value)
	case "$levels":
		levels, err := strconv.Atoi(value)
		switch {
		case value == "max":
			q.levels = allLevels
		case err != nil || levels < 1:
			return badQuery("Parsing OData Select and Expand failed: '" + value + "' is no value of $levels.")
		default:
			q.levels = levels
		}
	default:
		fail = badQuery("Parsing OData Select and Expand failed: '" + name + "' is not allowed in $expand.")
	}
	return fail
}

// context returns the part of the response's @odata.context after the name of the set.
func (q userQuery) context() string {
	parts := slices.Clone(q.selected)
	if q.manager != nil {
		parts = append(parts, navigation+"("+strings.Join(q.manager.selected, ",")+")")
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, ",") + ")"
}
