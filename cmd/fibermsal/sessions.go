package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/fibermsal/fibermsal"
)

// needRedis is for what only the app itself could see otherwise.
func (t *tool) needRedis() error {
	if t.cfg.Storage != nil {
		return nil
	}
	missing := &fibermsal.ConfigError{Field: "Storage", Problem: "is required: sessions in an app's own memory cannot be seen from outside"}
	return usageError{environmentError(t.prefix, missing)}
}

// aboutSessions is what the commands about sessions have in common.
type aboutSessions struct{}

func (aboutSessions) likeTheApp() bool { return false }

// listCommand shows sessions.
type listCommand struct {
	aboutSessions
	choice
}

func (l *listCommand) check(*console) error { return l.choice.check() }

func (l *listCommand) run(ctx context.Context, t *tool) error {
	if err := t.needRedis(); err != nil {
		return err
	}
	chosen, err := l.filters(ctx, t)
	if err != nil {
		return err
	}
	rows, progress := newRows(t.out, t.json), t.progress()
	n := 0
	for s, err := range sessionsOf(ctx, t, chosen) {
		if err != nil {
			progress.end()
			return errors.Join(rows.flush(), err)
		}
		if err := rows.add(s); err != nil {
			return err
		}
		if n++; !t.seen {
			progress.say("%s", sessions(n))
		}
	}
	progress.end()
	if err := rows.flush(); err != nil || t.json {
		return err
	}
	fmt.Fprintln(t.err, sessions(n))
	return nil
}

// endCommand ends sessions.
type endCommand struct {
	aboutSessions
	choice
	yes bool
}

func (e *endCommand) flags(set *flag.FlagSet) {
	e.choice.flags(set)
	set.BoolVar(&e.yes, "yes", false, "do not ask")
}

func (e *endCommand) check(c *console) error {
	if e.none() {
		return errors.New("say whose sessions to end; to end all of them: -before now")
	}
	if !e.yes && !c.asks {
		return errNobodyToAsk
	}
	return e.choice.check()
}

var errNobodyToAsk = errors.New("there is no terminal to ask at; with -yes nobody is asked")

func (e *endCommand) run(ctx context.Context, t *tool) error {
	if err := t.needRedis(); err != nil {
		return err
	}
	chosen, err := e.filters(ctx, t)
	if err != nil {
		return err
	}
	if !e.yes || e.mail != "" {
		found, err := preview(ctx, t, chosen, e.yes)
		if err == nil && found > 0 && !e.yes {
			err = t.confirm(ctx, "End "+sessions(found)+"?")
		}
		if err != nil {
			return err
		}
	}
	ended, err := end(ctx, t, chosen)
	return errors.Join(t.print(map[string]int{"ended": ended}, "%s ended\n", sessions(ended)), err)
}

// previewed is how many sessions are shown before the question whether to end them.
const previewed = 10

// preview shows what would be ended, and counts it. If nobody is asked it shows sessions
// only where they are of several users, which somebody who named one may not expect.
func preview(ctx context.Context, t *tool, chosen []fibermsal.SessionFilter, quiet bool) (n int, err error) {
	var shown bytes.Buffer
	rows, progress := newRows(&shown, false), t.progress()
	defer progress.end()
	users := make(map[string]bool)
	for s, err := range sessionsOf(ctx, t, chosen) {
		if err != nil {
			return 0, err
		}
		isNew := len(users) < previewed && !users[s.User.TenantID+s.User.ID]
		if isNew {
			users[s.User.TenantID+s.User.ID] = true
		}
		if n++; n <= previewed || isNew {
			if err := rows.add(s); err != nil {
				return 0, err
			}
		}
		progress.say("%s", sessions(n))
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
func end(ctx context.Context, t *tool, chosen []fibermsal.SessionFilter) (ended int, err error) {
	for _, filter := range chosen {
		n, err := t.auth.EndSessions(ctx, filter)
		if ended += n; err != nil {
			return ended, err
		}
	}
	return ended, nil
}

// cleanCommand removes what is of no use.
type cleanCommand struct {
	aboutSessions
	dryRun, unreadable, yes bool
}

func (cl *cleanCommand) flags(set *flag.FlagSet) {
	set.BoolVar(&cl.dryRun, "dry-run", false, "remove nothing, only count")
	set.BoolVar(&cl.unreadable, "unreadable", false, "remove, too, the sessions that no key at hand opens; another instance may have the key, and their users are signed out")
	set.BoolVar(&cl.yes, "yes", false, "with -unreadable: do not ask")
}

func (cl *cleanCommand) check(c *console) error {
	if cl.asks() && !c.asks {
		return errNobodyToAsk
	}
	return nil
}

// asks reports whether what is removed may be missed.
func (cl *cleanCommand) asks() bool { return cl.unreadable && !cl.dryRun && !cl.yes }

func (cl *cleanCommand) run(ctx context.Context, t *tool) error {
	if err := t.needRedis(); err != nil {
		return err
	}
	if cl.asks() {
		if err := t.confirm(ctx, "Remove the sessions that no key at hand opens, although another instance may have the key?"); err != nil {
			return err
		}
	}
	progress := t.progress()
	report, err := t.auth.CleanSessions(ctx, fibermsal.CleanOptions{
		DryRun: cl.dryRun, RemoveUnreadable: cl.unreadable,
		Progress: func(parts, of int, soFar fibermsal.CleanReport) {
			progress.say("%d %%, %s alive", 100*parts/of, sessions(soFar.Alive))
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

func (cl *cleanCommand) describe(r fibermsal.CleanReport) string {
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

func sessions(n int) string {
	if n == 1 {
		return "1 session"
	}
	return fmt.Sprintf("%d sessions", n)
}
