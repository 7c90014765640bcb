package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fibermsal/fibermsal/entratest"
)

func TestList_ShowsWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	if o := s.run("sessions", "list"); o.status != statusOK || !strings.HasSuffix(o.stderr, "\n0 sessions\n") || strings.Count(o.stdout, "\n") != 1 ||
		!regexp.MustCompile(`^fibermsal: note: misconfigured: no_trace: [^\n]+\n0 sessions\n$`).MatchString(o.stderr) {
		t.Errorf("nobody yet: %+v", o)
	}
	s.signIn(s.app, adele)
	if o := s.run("sessions", "end", "-before", "now", "-yes"); o.status != statusOK {
		t.Errorf("%+v", o)
	}
	if o := s.run("sessions", "list"); o.status != statusOK || o.stderr != "0 sessions\n" || strings.Count(o.stdout, "\n") != 1 {
		t.Errorf("nobody any more: %+v", o)
	}
	for _, login := range []string{adele, adele, alex} {
		s.signIn(s.app, login)
	}
	o := s.run("sessions", "list")
	const stamp = `\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`
	table := regexp.MustCompile(`^USER +MAIL +SIGNED IN +LAST SEEN +ENDS +ID\n` +
		`((AdeleV@contoso\.com|AlexW@contoso\.com) +(adelev|alexw)@contoso\.com +` + stamp + `  ` + stamp + `  ` + stamp + `  [A-Za-z0-9_-]{43}\n){3}$`)
	if o.status != statusOK || o.stderr != "3 sessions\n" || !table.MatchString(o.stdout) {
		t.Errorf("%+v", o)
	}
	all := s.listed()
	if len(all) != 3 {
		t.Fatalf("%d sessions", len(all))
	}
	of := s.listed("-mail", "ADELEV@contoso.com")
	if len(of) != 2 || of[0].Username != adele || of[0].Mail != "adelev@contoso.com" || of[0].TenantID != s.idp.TenantID || of[0].Name == "" ||
		of[0].SignedInAt.Before(of[1].SignedInAt) || !of[0].IdleAt.After(of[0].LastSeenAt) || !of[0].ExpiresAt.After(of[0].IdleAt) {
		t.Errorf("%+v", of)
	}
	for name, row := range map[string]struct {
		args []string
		want int
	}{
		"user":            {[]string{"-user", of[0].UserID}, 2},
		"user and tenant": {[]string{"-user", of[0].UserID, "-tenant", s.idp.TenantID}, 2},
		"another tenant":  {[]string{"-user", of[0].UserID, "-tenant", "x"}, 0},
		"tenant":          {[]string{"-tenant", s.idp.TenantID}, 3},
		"id":              {[]string{"-id", of[1].ID}, 1},
		"id of another":   {[]string{"-id", of[1].ID, "-user", "x"}, 0},
		"no such mail":    {[]string{"-mail", "nobody@contoso.com"}, 0},
		"mail and tenant": {[]string{"-mail", adele, "-tenant", s.idp.TenantID}, 2},
		"mail elsewhere":  {[]string{"-mail", adele, "-tenant", "x"}, 0},
		"before now":      {[]string{"-before", "now"}, 3},
		"before today":    {[]string{"-before", "24h"}, 0},
		"before a date":   {[]string{"-before", "2999-01-01", "-mail", adele}, 2},
		"before a moment": {[]string{"-before", "2020-01-01T00:00:00Z"}, 0},
	} {
		if got := s.listed(row.args...); len(got) != row.want {
			t.Errorf("%s: %d, want %d", name, len(got), row.want)
		}
	}
}

func TestList_NamesObeyNoTerminal(t *testing.T) {
	t.Parallel()
	s := newStage(t, entratest.WithUsers(entratest.User{
		ID: "00000000-0000-0000-0000-000000000001", UPN: "eve\u202e@contoso.com", Mail: "eve@contoso.com", DisplayName: "\x1b[2JEve\u009b2J\u2066\U000e0041",
	}))
	s.signIn(s.app, "eve\u202e@contoso.com")
	for _, args := range [][]string{{}, {"-json"}} {
		if o := s.run(append([]string{"sessions", "list"}, args...)...); !strings.Contains(o.stdout, "eve") || strings.ContainsAny(o.stdout, "\x1b\u009b\u202e\u2066\U000e0041") {
			t.Errorf("%q", o.stdout)
		}
	}
	if got := s.listed(); len(got) != 1 || got[0].Name != "\x1b[2JEve\u009b2J\u2066\U000e0041" {
		t.Errorf("%+v", got)
	}
}

// The app gives up after a quarter of a second.
func TestList_WaitsForARedisThatIsSlow(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.signIn(s.app, adele)
	s.env["FIBERMSAL_REDIS_URL"] = s.redis.URL
	if err := s.redis.Client().Do(t.Context(), "CLIENT", "PAUSE", "2000").Err(); err != nil {
		t.Fatal(err)
	}
	if got := s.listed(); len(got) != 1 {
		t.Errorf("%d sessions", len(got))
	}
}

// go-redis has its own log, in which it would repeat what the program already reports.
func TestSessions_OneLineSaysThatRedisIsDown(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.env["FIBERMSAL_REDIS_URL"] = "redis://127.0.0.1:1/0"
	if o := s.run("sessions", "list"); strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("%s", o.stderr)
	}
	s.env["FIBERMSAL_REDIS_URL"] += "?master_name=app"
	if o := s.run("sessions", "list"); strings.Count(o.stderr, "\n") != 1 {
		t.Errorf("of Sentinel: %s", o.stderr)
	}
	if o := s.run("sessions", "list", "-v"); !strings.Contains(o.stderr, "level=WARN msg=go-redis detail=\"sentinel: ") || strings.Contains(o.stderr, "sentinel.go") {
		t.Errorf("with -v go-redis says nothing: %s", o.stderr)
	}
}

// Redis stores the remaining lifetime of a session. Only the app has the configured lifetime.
func TestList_LastSeenIsNeverInTheFuture(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.signIn(s.app, adele)
	for timeout, known := range map[string]bool{"8h": true, "24h": true, "1h": false, "1m": false} {
		s.env["FIBERMSAL_IDLE_TIMEOUT"] = timeout
		got := s.listed()
		if len(got) != 1 || got[0].LastSeenAt.After(time.Now()) || got[0].LastSeenAt.IsZero() == known || !got[0].IdleAt.After(time.Now().Add(7*time.Hour)) {
			t.Errorf("%s: %+v", timeout, got)
		}
		if o := s.run("sessions", "list"); !known && !regexp.MustCompile(`Z  - +\d{4}`).MatchString(o.stdout) {
			t.Errorf("%s: %s", timeout, o.stdout)
		}
	}
}
