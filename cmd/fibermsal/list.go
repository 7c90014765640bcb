package main

import (
	"context"
	"errors"
	"flag"
	"fmt"

	"github.com/fibermsal/fibermsal/entra"
	"github.com/fibermsal/fibermsal/internal/session"
)

// sessionsCommand is embedded in the commands for sessions.
type sessionsCommand struct{}

func (sessionsCommand) appTimeouts() bool { return false }

// listCommand lists sessions.
type listCommand struct {
	sessionsCommand
	choice
	from part
}

func (l *listCommand) flags(set *flag.FlagSet) {
	l.choice.flags(set)
	l.from.flags(set)
}

func (l *listCommand) check(*console) error { return errors.Join(l.choice.check(), l.from.check()) }

func (l *listCommand) run(ctx context.Context, t *tool) error {
	if err := t.requireStorage(); err != nil {
		return err
	}
	doubt, err := t.checkReach(ctx)
	if err != nil {
		return err
	}
	chosen, err := l.filters(ctx, t)
	if err != nil {
		return err
	}
	st := t.stepsOf(chosen, l.from)
	rows := newRows(t.out, t.json)
	err = st.each(ctx, "listed", func(ctx context.Context, filter entra.SessionFilter) (int, error) {
		found, err := t.collect(ctx, filter)
		if err != nil && !isMissingKeys(err) {
			return 0, err // the whole part is listed again later, so no session is listed twice
		}
		st.progress.clear()
		for _, s := range found {
			if err := rows.add(s); err != nil {
				return 0, err
			}
		}
		return len(found), errors.Join(err, t.flushTerminal())
	})
	if err == nil || st.handled > 0 {
		err = errors.Join(err, rows.flush(), t.out.Flush())
	}
	if err == nil {
		err = t.judge(doubt, st.handled, session.ReasonNoTrace)
	}
	if err == nil && !t.json {
		fmt.Fprintln(t.err, countOf(st.handled))
	}
	return err
}

// collect returns the sessions that a filter selects or, with an error, those before the error.
func (t *tool) collect(ctx context.Context, filter entra.SessionFilter) (found []entra.SessionInfo, err error) {
	for s, err := range t.service.Sessions(ctx, filter) {
		if err != nil {
			return found, err
		}
		found = append(found, s)
	}
	return found, nil
}

// flushTerminal flushes the output to a terminal before the progress is shown again.
func (t *tool) flushTerminal() error {
	if !t.outIsTerminal {
		return nil
	}
	return t.out.Flush()
}
