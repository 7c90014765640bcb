package graph_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/graph"
)

func groupID(i int) string { return fmt.Sprintf("%08d-0000-0000-0000-000000000000", i) }

// crowded is a user with more groups than an id_token can contain.
func crowded() entratest.User {
	u := entratest.User{ID: "11111111-0000-0000-0000-000000000009", UPN: "crowded@contoso.com", DisplayName: "Crowded"}
	for i := range 250 {
		u.Groups = append(u.Groups, groupID(i))
	}
	return u
}

func TestGroups_OverageIsResolvedThroughGraph(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(cfg *fibermsal.Config) {
		cfg.Groups = graph.Groups
		cfg.Scopes = []string{"User.Read", "GroupMember.Read.All"}
	}, entratest.WithUsers(crowded()))
	for path, ids := range map[string][]string{
		"/member": {groupID(900), groupID(249)}, "/stranger": {groupID(900)}, "/many": manyGroups(),
	} {
		s.app.Get(path, fibermsal.Require(fibermsal.InGroup(ids...)), func(c *fiber.Ctx) error { return c.SendString("shown") })
	}
	b := s.signIn(t, "crowded@contoso.com")
	for path, status := range map[string]int{"/member": 200, "/stranger": 403, "/many": 200} {
		if a := b.Get(path); a.StatusCode != status {
			t.Errorf("%s: %d %s\n%s", path, a.StatusCode, a.Text, s.log)
		}
	}
	calls := len(s.entra.Requests())
	b.Get("/member")
	if n := len(s.entra.Requests()); n != calls {
		t.Errorf("asked again, %d requests more", n-calls)
	}
}

func manyGroups() (ids []string) {
	for i := range 45 {
		ids = append(ids, groupID(205+i))
	}
	return ids
}

func TestGroups_GraphsFailuresLetNobodyIn(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		fault  entratest.Fault
		status int
	}{
		"down":    {entratest.Fault{Status: 503, Header: http.Header{"Retry-After": {"120"}}}, 503},
		"refused": {entratest.Fault{Status: 403, Body: `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges"}}`}, 403},
		"garbage": {entratest.Fault{Status: 200, Body: `<html>`}, 502},
		"empty":   {entratest.Fault{Status: 200, Body: `{}`}, 502},
		"none":    {entratest.Fault{Status: 200, Body: `{"value":[]}`, Header: http.Header{"Content-Type": {"application/json"}}}, 403},
	} {
		s := newSite(t, func(cfg *fibermsal.Config) { cfg.Groups = graph.Groups }, entratest.WithUsers(crowded()))
		s.app.Get("/member", fibermsal.Require(fibermsal.InGroup(groupID(249))), func(c *fiber.Ctx) error { return c.SendString("shown") })
		b := s.signIn(t, "crowded@contoso.com")
		s.entra.Fault(entratest.GraphGroups, row.fault)
		if a := b.Get("/member"); a.StatusCode != row.status || strings.Contains(a.Text, "shown") {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.Text)
		}
	}
}

// A response without a list does not mean that the user has no groups (threat B12).
func TestGroups_AnAnswerWithoutAListIsNone(t *testing.T) {
	t.Parallel()
	for answer, ok := range map[string]bool{
		`{"value":[]}`: true, `{"value":["x"]}`: true, `{}`: false, `{"value":null}`: false, `{"id":"x"}`: false, `[]`: false, `["x"]`: false, `true`: false, `"x"`: false,
	} {
		g := newRecorder(t, func(_ int, w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, answer) })
		if found, err := graph.Groups(t.Context(), g.credential(), []string{"x"}); (err == nil) != ok || !ok && !errors.Is(err, graph.ErrBadAnswer) {
			t.Errorf("%s: %v, %v", answer, found, err)
		}
	}
}
