package main

import (
	"context"
	"flag"

	"github.com/fibermsal/fibermsal/entra"
)

// doctorCommand checks everything that sign-ins depend on.
type doctorCommand struct{ errorsOnly bool }

func (d *doctorCommand) flags(set *flag.FlagSet) {
	set.BoolVar(&d.errorsOnly, "errors", false, "exit with status 1 only for errors, not for warnings")
}

func (d *doctorCommand) check(*console) error { return nil }

func (d *doctorCommand) appTimeouts() bool { return true }

func (d *doctorCommand) run(ctx context.Context, t *tool) error {
	report := t.service.Doctor(ctx)
	if err := t.printReport(report); err != nil {
		return err
	}
	worst := report.Worst()
	if worst == entra.SeverityError || worst == entra.SeverityWarning && !d.errorsOnly {
		return errFound
	}
	return nil
}

// printReport prints a report as text, or as JSON with one finding per line.
func (t *tool) printReport(report entra.Report) error {
	if !t.json {
		return t.print(nil, "%s", printable(report.String()))
	}
	for _, finding := range report {
		if err := writeJSON(t.out, finding); err != nil {
			return err
		}
	}
	return nil
}
