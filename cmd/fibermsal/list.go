package main

import (
	"context"
	"errors"
	"fmt"
)

// sessionsCommand is what the commands about sessions have in common.
type sessionsCommand struct{}

func (sessionsCommand) appTimeouts() bool { return false }

// listCommand shows sessions.
type listCommand struct {
	sessionsCommand
	choice
}

func (l *listCommand) check(*console) error { return l.choice.check() }

func (l *listCommand) run(ctx context.Context, t *tool) error {
	if err := t.requireStorage(); err != nil {
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
		if n++; !t.outIsTerminal {
			progress.show("%s", countOf(n))
		}
	}
	progress.end()
	if err := rows.flush(); err != nil || t.json {
		return err
	}
	fmt.Fprintln(t.err, countOf(n))
	return nil
}

// countOf returns a number of sessions in words.
func countOf(n int) string {
	if n == 1 {
		return "1 session"
	}
	return fmt.Sprintf("%d sessions", n)
}
