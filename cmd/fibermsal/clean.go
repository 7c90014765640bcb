package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/fibermsal/fibermsal/entra"
)

// cleanCommand removes what ended sessions left behind.
type cleanCommand struct {
	sessionsCommand
	dryRun, unreadable, yes bool
}

func (cl *cleanCommand) flags(set *flag.FlagSet) {
	set.BoolVar(&cl.dryRun, "dry-run", false, "remove nothing, only count")
	set.BoolVar(&cl.unreadable, "unreadable", false, "remove the sessions that none of the keys opens, too; another instance may have the key, and their users are signed out")
	set.BoolVar(&cl.yes, "yes", false, "with -unreadable: do not ask")
}

func (cl *cleanCommand) check(c *console) error {
	if cl.mustConfirm() && !c.interactive {
		return errNoTerminal
	}
	return nil
}

// mustConfirm reports whether users may be signed out.
func (cl *cleanCommand) mustConfirm() bool { return cl.unreadable && !cl.dryRun && !cl.yes }

func (cl *cleanCommand) run(ctx context.Context, t *tool) error {
	if err := t.requireStorage(); err != nil {
		return err
	}
	if cl.mustConfirm() {
		if err := t.confirm(ctx, "Remove the sessions that none of the keys opens, although another instance may have the key?"); err != nil {
			return err
		}
	}
	progress := t.progress()
	report, err := t.service.CleanSessions(ctx, entra.CleanOptions{
		DryRun: cl.dryRun, RemoveUnreadable: cl.unreadable,
		Progress: func(parts, of int, soFar entra.CleanReport) {
			progress.show("%d %%, %s alive", 100*parts/of, countOf(soFar.Alive))
		},
	})
	progress.end()
	if err := errors.Join(t.print(report, "%s", cl.describe(report)), err); err != nil {
		return err
	}
	if report.Unreadable > 0 && (cl.dryRun || !cl.unreadable) {
		return errFound
	}
	return nil
}

func (cl *cleanCommand) describe(r entra.CleanReport) string {
	done, left := "removed", "left alone: sealed with a key that is not at hand; see -unreadable"
	if cl.dryRun {
		done = "would be removed"
	}
	if cl.unreadable {
		left = done
	}
	return fmt.Sprintf("alive       %d\ngone        %d  %s\ncorrupt     %d  %s\nunreadable  %d  %s\n",
		r.Alive, r.Gone, done, r.Corrupt, done, r.Unreadable, left)
}
