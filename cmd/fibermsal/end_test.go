package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fibermsal/fibermsal/entratest"
	"github.com/fibermsal/fibermsal/internal/redistest"
)

// auditOf matches a log that consists of the audit record of a command.
func auditOf(target string, ended int) *regexp.Regexp {
	return regexp.MustCompile(fmt.Sprintf(`^time=\S+ level=INFO msg=audit event=sessions_ended by=operator operator=\S+ target=%q client_id=\S+ outcome=ok ended=%d( users=\S+)?( reason=.+)?\n$`, target, ended))
}

func TestEnd_EndsWhatIsChosen(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first, second, other := s.signIn(s.app, adele), s.signIn(s.app, adele), s.signIn(s.app, alex)
	id := s.listed("-mail", adele)[1].ID
	if o := s.run("sessions", "end", "-id", id, "-yes"); o.status != statusOK || o.stdout != "1 session ended\n" || !auditOf("-id "+id, 1).MatchString(o.stderr) {
		t.Errorf("%+v", o)
	}
	if s.isSignedIn(s.app, first) || !s.isSignedIn(s.app, second) || !s.isSignedIn(s.app, other) {
		t.Error("the wrong one ended")
	}
	if o := s.run("sessions", "end", "-mail", adele, "-yes", "-json"); o.status != statusOK || o.stdout != `{"ended":1}`+"\n" {
		t.Errorf("%+v", o)
	}
	if s.isSignedIn(s.app, second) || !s.isSignedIn(s.app, other) {
		t.Error("the wrong one ended")
	}
	if o := s.run("sessions", "end", "-mail", adele, "-yes", "-reason", "INC 4711"); o.status != statusOK || o.stdout != "0 sessions ended\n" ||
		!auditOf("-mail "+adele, 0).MatchString(o.stderr) || !strings.HasSuffix(o.stderr, `reason="INC 4711"`+"\n") {
		t.Errorf("%+v", o)
	}
	if o := s.run("sessions", "end", "-before", "now", "-yes", "-v"); o.status != statusOK || o.stdout != "1 session ended\n" || !strings.Contains(o.stderr, "session_ended") {
		t.Errorf("%+v", o)
	}
	if s.isSignedIn(s.app, other) {
		t.Error("not all ended")
	}
}

// An operator who revokes the access of an address must not get the message that no user has this
// address.
func TestEnd_EndsTheSessionsOfAllWhoseMailAddressItIs(t *testing.T) {
	t.Parallel()
	const shared = "team@contoso.com"
	var people []entratest.User
	for i, upn := range []string{"ann@contoso.com", "bob@contoso.com", "carl@contoso.com"} {
		mail := shared
		if i == 2 {
			mail = upn
		}
		people = append(people, entratest.User{ID: fmt.Sprintf("00000000-0000-0000-0000-%012d", i+1), UPN: upn, Mail: mail, DisplayName: "P"})
	}
	s := newStage(t, entratest.WithUsers(people...))
	var cookies []*http.Cookie
	for _, p := range append(people, people[0]) {
		cookies = append(cookies, s.signIn(s.app, p.UPN))
	}
	if got := s.listed("-mail", shared); len(got) != 3 {
		t.Errorf("%d sessions listed", len(got))
	}
	o := s.run("sessions", "end", "-mail", shared, "-yes")
	if o.status != statusOK || o.stdout != "3 sessions ended\n" || !strings.Contains(o.stderr, "several users have this mail address") ||
		!strings.Contains(o.stderr, "ann@contoso.com") || !strings.Contains(o.stderr, "bob@contoso.com") {
		t.Errorf("%+v", o)
	}
	for i, cookie := range cookies {
		if s.isSignedIn(s.app, cookie) != (i == 2) {
			t.Errorf("session %d: signed in %v", i, i != 2)
		}
	}
}

func TestEnd_AsksBefore(t *testing.T) {
	t.Parallel()
	script := redistest.Program(t, "script") // of Debian's bsdutils: it gives a program a terminal
	s := newStage(t)
	cookie := s.signIn(s.app, adele)
	for _, args := range [][]string{{"sessions", "end", "-mail", adele}, {"sessions", "clean", "-unreadable"}} {
		if o := s.run(args...); o.status != statusUsage || !strings.Contains(o.stderr, "confirmation requires a terminal; use -yes to run without it") {
			t.Errorf("without a terminal: %+v", o)
		}
	}
	self := s.command("sessions", "end", "-mail", adele)
	for _, row := range []struct {
		answer string
		status int
		ended  bool
	}{{"n\n", statusFound, false}, {"\n", statusFound, false}, {"yes\n", statusOK, true}} {
		cmd := exec.CommandContext(t.Context(), script, "-qec", strings.Join(self.Args, " "), "/dev/null")
		cmd.Env, cmd.Stdin = slices.Concat(self.Env, []string{"PATH=" + os.Getenv("PATH")}), strings.NewReader(row.answer)
		said, _ := cmd.CombinedOutput() // the status tells
		text := string(said)
		if cmd.ProcessState.ExitCode() != row.status || !strings.Contains(text, "End 1 session? [y/N]") || !strings.Contains(text, "AdeleV@contoso.com") {
			t.Errorf("%q: %d %s", row.answer, cmd.ProcessState.ExitCode(), text)
		}
		if strings.Contains(text, "nothing was done") == row.ended || s.isSignedIn(s.app, cookie) == row.ended {
			t.Errorf("%q: %s", row.answer, text)
		}
	}
}
