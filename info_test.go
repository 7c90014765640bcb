package fibermsal_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal"
	"github.com/fibermsal/fibermsal/entratest"
)

func TestC7_InfoTellsAllowedFieldsOnly(t *testing.T) {
	t.Parallel()
	b := newSite(t, newIDP(t), func(cfg *fibermsal.Config) {
		cfg.Info = map[string]func(*fiber.Ctx, *fibermsal.User) (any, error){
			"team":  func(*fiber.Ctx, *fibermsal.User) (any, error) { return "blue", nil },
			"oid":   func(*fiber.Ctx, *fibermsal.User) (any, error) { return "not the user's", nil },
			"sad":   func(*fiber.Ctx, *fibermsal.User) (any, error) { return nil, errStorage },
			"roles": func(*fiber.Ctx, *fibermsal.User) (any, error) { return []string{"Admin"}, nil },
		}
	}).browser()
	b.signIn(adele)
	info := b.Get("/user/info").JSON(t)
	want := map[string]bool{"authenticated": true, "name": true, "mail": true, "upn": true, "tid": true, "oid": true, "roles": true, "session": true, "team": true, "sad": true}
	for field := range info {
		if !want[field] {
			t.Errorf("unexpected field %q", field)
		}
	}
	adeleAtIDP, _ := b.idp.User(adele)
	if info["oid"] != adeleAtIDP.ID || info["team"] != "blue" || info["sad"] != nil || info["name"] != adeleAtIDP.DisplayName {
		t.Errorf("info: %v", info)
	}
	for _, path := range []string{"/user/debug", "/user/info?debug", "/user/info?debug=1"} {
		if a := b.Get(path); strings.Contains(a.Text, b.session()) {
			t.Errorf("%s shows the session", path)
		}
	}
	if a := b.Get("/user/debug"); a.StatusCode != http.StatusNotFound {
		t.Errorf("debug: status %d", a.StatusCode)
	}
	anonymous := b.browser().Get("/user/info")
	if anonymous.Text != `{"authenticated":false}` {
		t.Errorf("anonymous: %s", anonymous.Text)
	}
}

// A script that reads roles must not get null.
func TestInfo_RolesAreAlwaysAList(t *testing.T) {
	t.Parallel()
	s := newSite(t, newIDP(t))
	for login, want := range map[string]string{alex: `"roles":[]`, adele: `"roles":["Portal.User"]`} {
		b := s.browser()
		b.signIn(login)
		if a := b.Get("/user/info"); !strings.Contains(a.Text, want) {
			t.Errorf("%s: %s", login, a.Text)
		}
	}
	for name, claim := range map[string]any{"null": nil, "empty": []string{}, "unusable": 1} {
		s.idp.TamperIDToken(func(token *entratest.IDToken) { token.Claims["roles"] = claim })
		b := s.browser()
		b.signIn(adele)
		if a := b.Get("/user/info"); !strings.Contains(a.Text, `"roles":[]`) {
			t.Errorf("%s: %s", name, a.Text)
		}
	}
}
