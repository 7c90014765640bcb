package fibermsal_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fibermsal/fibermsal"
)

func collect(t *testing.T, a *fibermsal.Auth, f fibermsal.SessionFilter) []fibermsal.SessionInfo {
	t.Helper()
	var all []fibermsal.SessionInfo
	for info, err := range a.Sessions(t.Context(), f) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info)
	}
	return all
}

func userOf(t *testing.T, b *browser) (tenant, id string) {
	t.Helper()
	info := b.Get("/user/info").JSON(t)
	tenant, _ = info["tid"].(string)
	id, _ = info["oid"].(string)
	return tenant, id
}

func TestAdministration_ListsAndEndsWhatIsSelected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		s := newSite(t, newIDP(t), onLedger(l))
		auth := s.auth
		var browsers []*browser
		for _, login := range []string{adele, alex, adele} {
			b := s.browser()
			b.signIn(login)
			browsers = append(browsers, b)
			time.Sleep(time.Hour)
		}
		all := collect(t, auth, fibermsal.SessionFilter{})
		if len(all) != 3 {
			t.Fatalf("%d sessions", len(all))
		}
		tenant, id := userOf(t, browsers[0])
		of := collect(t, auth, fibermsal.SessionFilter{TenantID: tenant, UserID: id})
		if len(of) != 2 || !of[0].User.SignedInAt.After(of[1].User.SignedInAt) || of[0].User.Username != adele || of[0].ID == of[1].ID {
			t.Errorf("of one user: %+v", of)
		}
		for name, row := range map[string]struct {
			filter fibermsal.SessionFilter
			want   int
		}{
			"nobody's":        {fibermsal.SessionFilter{TenantID: tenant, UserID: "x"}, 0},
			"another tenant":  {fibermsal.SessionFilter{TenantID: "x", UserID: id}, 0},
			"by id":           {fibermsal.SessionFilter{ID: of[1].ID}, 1},
			"by id, not his":  {fibermsal.SessionFilter{ID: of[1].ID, TenantID: tenant, UserID: "x"}, 0},
			"no such id":      {fibermsal.SessionFilter{ID: "x"}, 0},
			"before the last": {fibermsal.SessionFilter{Before: of[0].User.SignedInAt}, 2},
			"user and before": {fibermsal.SessionFilter{TenantID: tenant, UserID: id, Before: of[0].User.SignedInAt}, 1},
		} {
			if got := collect(t, auth, row.filter); len(got) != row.want {
				t.Errorf("%s: %d", name, len(got))
			}
		}
		if _, err := auth.EndSessions(t.Context(), fibermsal.SessionFilter{}); err == nil {
			t.Error("a forgotten filter ends everything")
		}
		if _, err := auth.EndSessions(t.Context(), fibermsal.SessionFilter{UserID: id}); err == nil {
			t.Error("a user without a tenant")
		}
		if n, err := auth.EndSessions(t.Context(), fibermsal.SessionFilter{ID: of[1].ID}); err != nil || n != 1 {
			t.Errorf("%d, %v", n, err)
		}
		if browsers[0].user() != "" || browsers[1].user() != alex || browsers[2].user() != adele {
			t.Error("the wrong one ended")
		}
		l.fail(true, true)
		if _, err := auth.EndSessions(t.Context(), fibermsal.SessionFilter{ID: of[0].ID}); !errors.Is(err, fibermsal.ErrUnavailable) {
			t.Errorf("storage down: %v", err)
		}
		l.fail(false, false)
		if n, err := auth.EndSessions(t.Context(), fibermsal.SessionFilter{Before: time.Now()}); err != nil || n != 2 {
			t.Errorf("all: %d, %v", n, err)
		}
	})
}

func TestAdministration_TellsTheBrowserOnlyIfAskedTo(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0":                                                           "Firefox on Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0":            "Edge on Windows",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile Safari/604.1": "Safari on iOS",
		"<script>secret</script>": "unknown on unknown",
	} {
		for _, recorded := range []bool{true, false} {
			s := newSite(t, newIDP(t), func(cfg *fibermsal.Config) { cfg.RecordBrowser = recorded })
			b := s.browser()
			r := b.approve(b.start(""), adele).Request()
			r.Header.Set("User-Agent", agent)
			b.Send(r)
			all := collect(t, s.auth, fibermsal.SessionFilter{})
			if len(all) != 1 || (recorded && all[0].Browser != want) || (!recorded && all[0].Browser != "") {
				t.Errorf("%s, asked %v: %+v", agent, recorded, all)
			}
		}
	}
}
