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
	yes bool
}

func (e *endCommand) flags(set *flag.FlagSet) {
	e.choice.flags(set)
	set.BoolVar(&e.yes, "yes", false, "do not ask")
}

func (e *endCommand) check(c *console) error {
	if e.isEmpty() {
		return errors.New("say whose sessions to end; to end all of them: -before now")
	}
	if !e.yes && !c.interactive {
		return errNoTerminal
	}
	return e.choice.check()
}

func (e *endCommand) run(ctx context.Context, t *tool) error {
	if err := t.requireStorage(); err != nil {
		return err
	}
	chosen, err := e.filters(ctx, t)
	if err != nil {
		return err
	}
	if !e.yes || e.mail != "" {
		found, err := preview(ctx, t, chosen, e.yes)
		if err == nil && found > 0 && !e.yes {
			err = t.confirm(ctx, "End "+countOf(found)+"?")
		}
		if err != nil {
			return err
		}
	}
	ended, err := end(ctx, t, chosen)
	return errors.Join(t.print(map[string]int{"ended": ended}, "%s ended\n", countOf(ended)), err)
}

// maxPreviewed is how many sessions are shown before they are ended.
const maxPreviewed = 10

// preview shows sessions that are to be ended, and returns how many there are. With quiet it
// shows them only if they belong to several users, which an operator who named one may not
// expect.
func preview(ctx context.Context, t *tool, chosen []entra.SessionFilter, quiet bool) (n int, err error) {
	var shown bytes.Buffer
	rows, progress := newRows(&shown, false), t.progress()
	defer progress.end()
	users := make(map[string]bool)
	for s, err := range sessionsOf(ctx, t, chosen) {
		if err != nil {
			return 0, err
		}
		isNew := len(users) < maxPreviewed && !users[s.User.TenantID+s.User.ID]
		if isNew {
			users[s.User.TenantID+s.User.ID] = true
		}
		if n++; n <= maxPreviewed || isNew {
			if err := rows.add(s); err != nil {
				return 0, err
			}
		}
		progress.show("%s", countOf(n))
	}
	progress.end()
	if n == 0 || quiet && len(users) == 1 {
		return n, nil
	}
	if err := rows.flush(); err != nil {
		return 0, err
	}
	if _, err := t.err.Write(shown.Bytes()); err != nil {
		return 0, err
	}
	if n > rows.n {
		fmt.Fprintf(t.err, "and %d more\n", n-rows.n)
	}
	if len(users) > 1 && len(chosen) == 1 && chosen[0].Mail != "" {
		fmt.Fprintln(t.err, "several users have this mail address")
	}
	return n, nil
}

// end ends the sessions that filters select, and refuses the sign-ins that are under way.
func end(ctx context.Context, t *tool, chosen []entra.SessionFilter) (ended int, err error) {
	for _, filter := range chosen {
		n, err := t.service.EndSessions(ctx, filter)
		if ended += n; err != nil {
			return ended, err
		}
	}
	return ended, nil
}
