package entratest_test

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
)

// graphGet calls Graph as a user, with the scopes given.
func graphGet(t *testing.T, s *entratest.Server, login, path string, scopes ...string) answer {
	t.Helper()
	return get(t, s, s.GraphURL+path, "Authorization: Bearer "+s.Issue(login, scopes...))
}

func member(t *testing.T, object map[string]any, name string) map[string]any {
	t.Helper()
	out, ok := object[name].(map[string]any)
	if !ok {
		t.Fatalf("%s is %v", name, object[name])
	}
	return out
}

func TestGraph_ExpandsTheManager(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, path := range []string{"/me?$expand=manager", "/me?$expand=Manager", "/users/AdeleV@contoso.com?%24expand=manager"} {
		a := graphGet(t, s, "AdeleV@contoso.com", path)
		manager := member(t, a.json(t), "manager")
		if manager["displayName"] != "Miriam Graham" || manager["@odata.type"] != "#microsoft.graph.user" || len(manager) != 12 {
			t.Errorf("%s: %v", path, manager)
		}
		if got := a.json(t)["@odata.context"]; got != s.GraphURL+"/$metadata#users(manager())/$entity" {
			t.Errorf("%s: context %v", path, got)
		}
	}
	a := graphGet(t, s, "AdeleV@contoso.com", "/me?$select=id&$expand="+url.QueryEscape("manager($select=id, DisplayName)"))
	body := a.json(t)
	if names := slices.Sorted(maps.Keys(member(t, body, "manager"))); !slices.Equal(names, []string{"@odata.type", "displayName", "id"}) {
		t.Errorf("the selected properties are %v", names)
	}
	if names := slices.Sorted(maps.Keys(body)); !slices.Equal(names, []string{"@odata.context", "id", "manager"}) {
		t.Errorf("the user has %v", names)
	}
	if got := body["@odata.context"]; got != s.GraphURL+"/$metadata#users(id,manager(id,displayName))/$entity" {
		t.Errorf("context %v", got)
	}
	if body := graphGet(t, s, "PattiF@contoso.com", "/me?$expand=manager").json(t); body["manager"] != nil || body["displayName"] != "Patti Fernandez" {
		t.Errorf("without a manager: %v", body)
	}
	a = graphGet(t, s, "AdeleV@contoso.com", "/me/manager?$expand=manager")
	if member(t, a.json(t), "manager")["displayName"] != "Patti Fernandez" {
		t.Errorf("of the manager: %s", a.body)
	}
}

// user-list-manager.md of Graph's documentation: the chain is an advanced query.
func TestGraph_ExpandsTheChainOfManagers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	token := "Authorization: Bearer " + s.Issue("AdeleV@contoso.com")
	target := s.GraphURL + "/me?$select=id&$count=true&$expand=" + url.QueryEscape("manager($levels=max;$select=displayName)")
	body := get(t, s, target, token, "ConsistencyLevel: eventual").json(t)
	first := member(t, body, "manager")
	second := member(t, first, "manager")
	if first["displayName"] != "Miriam Graham" || second["displayName"] != "Patti Fernandez" || second["manager"] != nil {
		t.Errorf("%v", body)
	}
	one := strings.Replace(target, "max", "1", 1)
	if body := get(t, s, one, token, "ConsistencyLevel: eventual").json(t); member(t, body, "manager")["manager"] != nil {
		t.Errorf("one level: %v", body)
	}
	plain := s.GraphURL + "/me?$count=true&$expand=manager($levels=max;$select=displayName)"
	if body := get(t, s, plain, token, "ConsistencyLevel: eventual").json(t); len(member(t, body, "manager")) != 3 {
		t.Errorf("with a plain semicolon: %v", body)
	}
	if a := get(t, s, target, token); a.StatusCode != 400 {
		t.Errorf("without ConsistencyLevel: %d", a.StatusCode)
	}
}

func TestGraph_QueriesAreRefusedInsteadOfIgnored(t *testing.T) {
	t.Parallel()
	s := newServer(t, entratest.WithManagerScope("User.Read.All"))
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		"/me?$expand=manager":                       {403, "Insufficient privileges"},
		"/me?$expand=shoes":                         {400, "Could not find a property named 'shoes'"},
		"/me?$expand=manager($select=shoes)":        {400, "Could not find a property named 'shoes'"},
		"/me?$expand=manager($levels=x)":            {400, "levels"},
		"/me?$expand=manager($filter=id)":           {400, "filter"},
		"/me?$expand=manager(":                      {400, "expand"},
		"/me?$expand=directReports":                 {400, "not served by the emulator"},
		"/me?$filter=id%20eq%20'x'":                 {400, "'$filter'"},
		"/me?$top=1":                                {400, "'$top'"},
		"/me?$orderby=displayName":                  {400, "'$orderby'"},
		"/users/AdeleV@contoso.com?$expand=shoes":   {400, "shoes"},
		"/me/transitiveMemberOf?$select=shoes":      {400, "shoes"},
		"/me?$select=displayName,manager":           {200, `"displayName"`},
		"/me?$select=displayName&unknown=parameter": {200, `"displayName"`},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			if a := graphGet(t, s, "AdeleV@contoso.com", strings.ReplaceAll(path, ";", "%3B")); a.StatusCode != want.status || !strings.Contains(a.body, want.says) {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
	if a := graphGet(t, s, "AdeleV@contoso.com", "/me?$expand=manager", "User.Read.All"); a.StatusCode != 200 {
		t.Errorf("with the scope: %s", a.body)
	}
}

func TestGraph_SelectIgnoresCaseAndSpaces(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, names := range []string{"displayName,mail", "DISPLAYNAME,mail", "displayname, Mail", " displayName , mail ", "displayName,mail,displayname"} {
		body := graphGet(t, s, "AdeleV@contoso.com", "/me?$select="+url.QueryEscape(names)).json(t)
		if got := slices.Sorted(maps.Keys(body)); !slices.Equal(got, []string{"@odata.context", "displayName", "mail"}) {
			t.Errorf("%q: %v", names, got)
		}
		if got := body["@odata.context"]; got != s.GraphURL+"/$metadata#users(displayName,mail)/$entity" {
			t.Errorf("%q: context %v", names, got)
		}
	}
	if body := graphGet(t, s, "AdeleV@contoso.com", "/me?$select=*").json(t); body["userType"] != "Member" || body["id"] == nil {
		t.Errorf("$select=*: %v", body)
	}
	a := graphGet(t, s, "AdeleV@contoso.com", "/me/transitiveMemberOf?$select=DisplayName,ID", "GroupMember.Read.All", "User.Read")
	groups, _ := a.json(t)["value"].([]any)
	if group, _ := groups[0].(map[string]any); len(group) != 3 || group["displayName"] == nil || group["id"] == nil {
		t.Errorf("groups: %s", a.body)
	}
}

func TestGraph_NamesTheUnknownSegment(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for path, want := range map[string]string{
		"/nonsense":                          "nonsense",
		"/nonsense/manager":                  "nonsense",
		"/me/nonsense":                       "nonsense",
		"/me/nonsense/more":                  "nonsense",
		"/me/manager/nonsense":               "nonsense",
		"/me/photo/nonsense":                 "nonsense",
		"/me/photos/48x48/nonsense":          "nonsense",
		"/me/transitiveMemberOf/nonsense":    "nonsense",
		"/users/AdeleV@contoso.com/nonsense": "nonsense",
		"/ME":                                "ME",
	} {
		a := graphGet(t, s, "AdeleV@contoso.com", path)
		if a.StatusCode != 400 || !strings.Contains(a.body, "Resource not found for the segment '"+want+"'.") {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
	// Paths that Graph serves and the emulator does not have a different error.
	for _, path := range []string{"/me/messages", "/groups", "/users", "/me/photos/48x48", "/me/photos"} {
		if a := graphGet(t, s, "AdeleV@contoso.com", path); a.StatusCode != 400 || !strings.Contains(a.body, "WithGraph") {
			t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
		}
	}
}
