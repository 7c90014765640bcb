package main

import (
	"context"
	"flag"
	"slices"

	"github.com/fibermsal/fibermsal/entra"
)

// doctorCommand checks everything that sign-ins depend on.
type doctorCommand struct {
	errorsOnly bool
	ignored    names // codes
}

func (d *doctorCommand) flags(set *flag.FlagSet) {
	set.Var(&d.ignored, "ignore", "`codes` of findings that do not change the exit status, separated by commas, such as redirect_uri for an API that signs nobody in")
	set.BoolVar(&d.errorsOnly, "errors", false, "exit with status 1 only for errors, not for warnings")
}

func (d *doctorCommand) check(*console) error { return nil }

func (d *doctorCommand) appTimeouts() bool { return true }

func (d *doctorCommand) run(ctx context.Context, t *tool) error {
	report := t.service.Doctor(ctx)
	if err := t.printReport(report); err != nil {
		return err
	}
	worst := d.counted(report).Worst()
	if worst == entra.SeverityError || worst == entra.SeverityWarning && !d.errorsOnly {
		return errFound
	}
	return nil
}

// counted returns the findings that are not ignored.
func (d *doctorCommand) counted(report entra.Report) (rest entra.Report) {
	for _, finding := range report {
		if !slices.Contains(d.ignored, finding.Code) {
			rest = append(rest, finding)
		}
	}
	return rest
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
