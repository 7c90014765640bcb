package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/session"
)

// cleanCommand removes what ended sessions left behind.
type cleanCommand struct {
	sessionsCommand
	from                    part
	dryRun, unreadable, yes bool
	reason                  string
}

func (cl *cleanCommand) flags(set *flag.FlagSet) {
	cl.from.flags(set)
	set.BoolVar(&cl.dryRun, "dry-run", false, "only count, remove nothing")
	set.BoolVar(&cl.unreadable, "unreadable", false, "also remove the sessions that none of the keys opens; their users are signed out, even if another instance has the key")
	set.BoolVar(&cl.yes, "yes", false, "with -unreadable: do not ask for confirmation")
	set.StringVar(&cl.reason, "reason", "", "with -unreadable: `text` for the audit record, such as the number of a ticket")
}

func (cl *cleanCommand) check(c *console) error {
	if cl.mustConfirm() && !c.interactive {
		return errNoTerminal
	}
	return cl.from.check()
}

// mustConfirm reports whether users may be signed out.
func (cl *cleanCommand) mustConfirm() bool { return cl.unreadable && !cl.dryRun && !cl.yes }

func (cl *cleanCommand) run(ctx context.Context, t *tool) error {
	if err := t.requireStorage(); err != nil {
		return err
	}
	doubt, err := t.checkReach(ctx)
	if err != nil {
		return err
	}
	if cl.mustConfirm() {
		if err := t.confirm(ctx, "Remove the sessions that none of the keys opens, although another instance may have the key?"); err != nil {
			return err
		}
	}
	record := t.audit("sessions_cleaned", cl.reason)
	report, err := cl.clean(ctx, t)
	if cl.unreadable && !cl.dryRun {
		record.write(ctx, err, "removed", report.Unreadable)
	}
	if err == nil {
		err = t.judge(doubt, 0, session.ReasonNoTrace) // it cleans for all apps with this client ID, so sessions that it found do not show that the configuration is right
	}
	if err := errors.Join(t.print(report, "%s", cl.describe(report)), err); err != nil {
		return err
	}
	t.note(t.missingKeys(ctx))
	if report.Unreadable > 0 && (cl.dryRun || !cl.unreadable) {
		return errFound
	}
	return nil
}

// missingKeys returns the error about sessions in indexes that only instances with other keys find.
// These sessions are not leftovers, and the other instances clean them.
func (t *tool) missingKeys(ctx context.Context) error {
	if err := t.service.CheckSessions(ctx); isMissingKeys(err) {
		return err
	}
	return nil
}

// clean cleans the parts, beginning with the part of -from.
func (cl *cleanCommand) clean(ctx context.Context, t *tool) (entra.CleanReport, error) {
	progress, done := t.progress(), int(cl.from)-1
	report, err := t.service.CleanSessions(ctx, entra.CleanOptions{
		DryRun: cl.dryRun, RemoveUnreadable: cl.unreadable, From: int(cl.from),
		Progress: func(parts, of int, soFar entra.CleanReport) {
			done = parts
			progress.show("%d %%, %s alive", 100*parts/of, countOf(soFar.Alive))
		},
	})
	progress.clear()
	if err != nil && done < entra.SessionParts {
		st := t.stepsOf([]entra.SessionFilter{{}}, cl.from)
		st.next, st.handled = done+1-int(cl.from), report.Alive+report.Gone+report.Corrupt+report.Unreadable
		err = st.unfinished(err)
	}
	return report, err
}

func (cl *cleanCommand) describe(r entra.CleanReport) string {
	done, left := "removed", "not removed: sealed with a key that is not in the environment; see -unreadable"
	if cl.dryRun {
		done = "would be removed"
	}
	if cl.unreadable {
		left = done
	}
	return fmt.Sprintf("alive       %d\ngone        %d  %s\ncorrupt     %d  %s\nunreadable  %d  %s\n",
		r.Alive, r.Gone, done, r.Corrupt, done, r.Unreadable, left)
}
