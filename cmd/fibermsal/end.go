package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/fibermsal/fibermsal/entra"
)

// endCommand ends sessions.
type endCommand struct {
	sessionsCommand
	choice
	from   part
	yes    bool
	reason string
}

func (e *endCommand) flags(set *flag.FlagSet) {
	e.choice.flags(set)
	e.from.flags(set)
	set.BoolVar(&e.yes, "yes", false, "do not ask for confirmation")
	set.StringVar(&e.reason, "reason", "", "`text` for the audit record, such as the number of a ticket")
}

func (e *endCommand) check(c *console) error {
	if e.isEmpty() {
		return errors.New("specify the sessions to end, or end all of them with -before now")
	}
	if !e.yes && !c.interactive {
		return errNoTerminal
	}
	return errors.Join(e.choice.check(), e.from.check())
}

func (e *endCommand) run(ctx context.Context, t *tool) error {
	if err := t.requireStorage(); err != nil {
		return e.cannotBegin(ctx, t, err)
	}
	doubt, err := t.checkReach(ctx)
	if err != nil {
		return e.cannotBegin(ctx, t, err)
	}
	ended, err := e.end(ctx, t, doubt)
	if errors.Is(err, errDeclined) {
		return err
	}
	t.audit("sessions_ended", e.reason).write(ctx, err, "ended", ended)
	text := countOf(ended) + " ended"
	if err != nil {
		err = notRevokedError{err}
		if ended == 0 {
			text += ": the command failed" // stderr may go to a file, and without it "0 ended" would suggest that there were none
		}
	}
	return errors.Join(t.print(map[string]int{"ended": ended}, "%s\n", text), err)
}

// cannotBegin records a failure before any session could be ended, including an invalid environment.
func (e *endCommand) cannotBegin(ctx context.Context, t *tool, err error) error {
	t.audit("sessions_ended", e.reason).write(ctx, err, "ended", 0)
	return notRevokedError{err}
}

// end ends the selected sessions and refuses sign-ins in progress. It asks for confirmation first,
// unless -yes is set.
func (e *endCommand) end(ctx context.Context, t *tool, doubt error) (ended int, err error) {
	chosen, err := e.filters(ctx, t)
	if err != nil {
		return 0, err
	}
	if len(chosen) == 0 {
		t.note(errors.New("the user has no session, so the tenant is unknown, and a sign-in in progress is not refused; to refuse it, add -tenant"))
	}
	total := 0
	if !e.yes || e.mail != "" {
		found, err := e.preview(ctx, t, chosen)
		if err != nil {
			return 0, err
		}
		if total = found; found > 0 && !e.yes {
			if err := t.confirm(ctx, "End "+countOf(found)+"?"); err != nil {
				return 0, err
			}
		}
	}
	st := t.stepsOf(chosen, e.from)
	st.total = total
	err = st.each(ctx, "ended", t.service.EndSessions)
	if err == nil {
		err = t.judge(doubt, st.handled)
	}
	return st.handled, err
}

// maxPreviewed is how many sessions are shown before they are ended.
const maxPreviewed = 10

// preview shows sessions that are about to be ended and returns how many there are. With -yes it shows
// them only if they belong to several users, which the operator may not expect.
func (e *endCommand) preview(ctx context.Context, t *tool, chosen []entra.SessionFilter) (int, error) {
	var shown bytes.Buffer
	rows := newRows(&shown, false)
	users := make(map[string]bool)
	st := t.stepsOf(chosen, e.from)
	err := st.try(ctx, "found", func(ctx context.Context, filter entra.SessionFilter) (n int, err error) {
		for s, err := range t.service.Sessions(ctx, filter) {
			if err != nil {
				return n, err
			}
			n++
			user := s.User.TenantID + s.User.ID
			if isNew := !users[user] && len(users) < maxPreviewed; isNew || rows.n < maxPreviewed {
				users[user] = true
				if err := rows.add(s); err != nil {
					return n, err
				}
			}
		}
		return n, nil
	})
	if err != nil && !isMissingKeys(err) { // these are reported after the others have ended
		return 0, err
	}
	if st.handled == 0 || e.yes && len(users) == 1 {
		return st.handled, nil
	}
	if err := rows.flush(); err != nil {
		return 0, err
	}
	if _, err := t.err.Write(shown.Bytes()); err != nil {
		return 0, err
	}
	if st.handled > rows.n {
		fmt.Fprintf(t.err, "and %d more\n", st.handled-rows.n)
	}
	if len(users) > 1 && len(chosen) == 1 && chosen[0].Mail != "" {
		fmt.Fprintln(t.err, "several users have this mail address")
	}
	return st.handled, nil
}
