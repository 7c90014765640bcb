package entratest_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// memberOf is a page of transitiveMemberOf.
type memberOf struct {
	Next  string `json:"@odata.nextLink"`
	Count int    `json:"@odata.count"`
	Value []map[string]any
}

func TestMemberOf_ComesInPages(t *testing.T) {
	t.Parallel()
	s := newServer(t, withMany(250))
	token := "Authorization: Bearer " + s.Issue("many@contoso.com", "User.Read", "Group.Read.All")
	load := func(target string) memberOf {
		a := get(t, s, target, token, "ConsistencyLevel: eventual")
		var page memberOf
		if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.StatusCode != 200 {
			t.Fatalf("%d %s", a.StatusCode, a.body)
		}
		return page
	}
	for query, want := range map[string][]int{
		"": {100, 100, 50}, "?$top=999": {250}, "?$top=249": {249, 1}, "?$top=125&$select=id": {125, 125},
		"/microsoft.graph.group?$count=true&$top=200": {200, 50},
	} {
		target := s.GraphURL + "/me/transitiveMemberOf" + query
		seen := 0
		for i, size := range want {
			page := load(target)
			if len(page.Value) != size || page.Value[0]["id"] != groupID(seen) || (page.Next == "") != (i == len(want)-1) {
				t.Fatalf("%s, page %d: %d groups, next %q", query, i, len(page.Value), page.Next)
			}
			if name := page.Value[0]["displayName"]; (name == nil) != strings.Contains(query, "$select") {
				t.Errorf("%s: displayName %v", query, name)
			}
			if strings.Contains(query, "$count") && page.Count != 250 {
				t.Errorf("%s: count %d", query, page.Count)
			}
			seen += size
			target = page.Next
		}
	}
	user := load(s.GraphURL + "/users/many@contoso.com/transitiveMemberOf?$top=1")
	if !strings.HasPrefix(user.Next, s.GraphURL+"/users/many@contoso.com/transitiveMemberOf?$skiptoken=") {
		t.Errorf("the next page of a user is at %s", user.Next)
	}
}

func TestMemberOf_HidesNamesAndRefusesUnknownQueries(t *testing.T) {
	t.Parallel()
	s := newServer(t, withMany(3))
	token := "Authorization: Bearer " + s.Issue("many@contoso.com")
	at := func(query string, header ...string) answer {
		return get(t, s, s.GraphURL+"/me/transitiveMemberOf"+query, append(header, token)...)
	}
	if a := at(""); !strings.Contains(a.body, `"@odata.type":"#microsoft.graph.group","id":"`+groupID(0)+`"`) || !strings.Contains(a.body, `"displayName":null`) {
		t.Error(a.body)
	}
	const eventual = "ConsistencyLevel: eventual"
	for query, code := range map[string]string{
		"?$top=0": "Request_BadRequest", "?$top=1000": "Request_BadRequest", "?$top=x": "Request_BadRequest",
		"?$filter=" + url.QueryEscape("startswith(displayName,'a')"): "Request_UnsupportedQuery",
		"?$select=shoeSize":         "BadRequest",
		"?$skiptoken=x":             "Directory_ExpiredPageToken",
		"?$skiptoken=RFNwdAIAAQ":    "Directory_ExpiredPageToken",
		"?$skiptoken=RFNwdAIAAQOTk": "Directory_ExpiredPageToken", // 99
		"/microsoft.graph.group":    "Request_UnsupportedQuery",
	} {
		if a := at(query, eventual); a.StatusCode != 400 || !strings.Contains(a.body, `"code":"`+code+`"`) {
			t.Errorf("%s: %d %s", query, a.StatusCode, a.body)
		}
	}
	if a := at("/microsoft.graph.group?$count=true"); a.StatusCode != 400 {
		t.Errorf("the cast without ConsistencyLevel gives %d", a.StatusCode)
	}
}
