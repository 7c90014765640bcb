package main

import (
	"context"
	"flag"

	"github.com/fibermsal/fibermsal"
)

// doctorCommand looks at everything that signing in depends on.
type doctorCommand struct{ errorsOnly bool }

func (d *doctorCommand) flags(set *flag.FlagSet) {
	set.BoolVar(&d.errorsOnly, "errors", false, "take warnings for fine: the status is 1 for errors only")
}

func (d *doctorCommand) check(*console) error { return nil }

func (d *doctorCommand) likeTheApp() bool { return true }

func (d *doctorCommand) run(ctx context.Context, t *tool) error {
	report := t.auth.Doctor(ctx)
	if err := t.print(report, "%s", printable(report.String())); err != nil {
		return err
	}
	worst := report.Worst()
	if worst == fibermsal.SeverityError || (worst == fibermsal.SeverityWarning && !d.errorsOnly) {
		return errFound
	}
	return nil
}
