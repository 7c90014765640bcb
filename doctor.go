package fibermsal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/fibermsal/fibermsal/internal/doctor"
	"github.com/fibermsal/fibermsal/internal/flight"
)

const (
	// doctorTimeout bounds all checks, and checkTimeout each.
	doctorTimeout = 20 * time.Second
	checkTimeout  = 4500 * time.Millisecond
	// checkGrace is for a check to say itself that it ran out of time.
	checkGrace = 300 * time.Millisecond
)

// uncheckedSuffix is how the codes end of what could not be seen.
const uncheckedSuffix = "_unchecked"

// Severity is how bad a [Finding] is.
type Severity string

const (
	// SeverityOK is what was looked at and is as it should be.
	SeverityOK Severity = "ok"
	// SeverityWarning is what works now and will hurt some day, or could not be checked.
	SeverityWarning Severity = "warning"
	// SeverityError is what keeps people from signing in, or signs them out.
	SeverityError Severity = "error"
)

// Finding is one thing that [Auth.Doctor] looked at. Its texts are for people and change;
// none contains a credential.
type Finding struct {
	// Severity is how bad it is.
	Severity Severity `json:"severity"`
	// Code is for programs and stable, such as "clock_skew". One that ends in
	// "_unchecked" is a warning: what it names could not be seen.
	Code string `json:"code"`
	// What was found.
	What string `json:"what"`
	// Why it matters; empty if it is fine.
	Why string `json:"why,omitempty"`
	// Fix is what to do; empty if it is fine.
	Fix string `json:"fix,omitempty"`
}

// String is the finding in one to three lines.
func (f Finding) String() string {
	text := fmt.Sprintf("%-7s  %s: %s", f.Severity, f.Code, f.What)
	if f.Why != "" {
		text += "\n         why: " + f.Why
	}
	if f.Fix != "" {
		text += "\n         fix: " + f.Fix
	}
	return text
}

// Report is what [Auth.Doctor] found, in the order in which a sign-in would meet it. As
// JSON it is a list of findings.
type Report []Finding

// OK reports whether there is neither an error nor a warning.
func (r Report) OK() bool { return r.Worst() == SeverityOK }

// Worst is the severity of the worst finding, [SeverityOK] for none.
func (r Report) Worst() Severity {
	worst := SeverityOK
	for _, f := range r {
		if f.Severity == SeverityError || worst == SeverityOK {
			worst = f.Severity
		}
	}
	return worst
}

// String is all findings, one below the other.
func (r Report) String() string {
	var text strings.Builder
	for _, f := range r {
		fmt.Fprintln(&text, f)
	}
	return text.String()
}

// Doctor looks at everything that signing in depends on: addresses and cookies, Entra and
// the way there, the clock, the app's credential and its registration, the storage, and
// whether other instances hold the same keys. It is for a command, a start-up check or a
// page of administrators, not for a health check: it makes some calls to Entra, one of
// them for a token of the app, which is dropped, and some dozen commands to Redis, which
// change nothing there.
//
// With an app, whose routes must be mounted, its settings are looked at as well, and its
// login route is asked as a browser would.
//
// It returns after 20 seconds at most, and each check ends after 5. What cannot be
// checked, because it takes longer, is refused or ctx has ended, is a warning; what
// depends on something that failed is left out. It cannot see whether users have
// consented, when a client secret ends, or what a proxy in front of the app does.
//
// It is safe for concurrent use, and may be called while the app serves.
func (a *Auth) Doctor(ctx context.Context, app ...*fiber.App) Report {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	d := newDiagnosis(a, app)
	found := slices.Concat(d.addresses(), d.scopes(), d.settings(), together(
		func() []doctor.Finding { return d.entra(ctx) },
		func() []doctor.Finding { return d.storage(ctx) },
	))
	report := make(Report, len(found))
	for i, f := range found {
		report[i] = Finding{Severity: Severity(f.Severity), Code: f.Code, What: f.What, Why: f.Why, Fix: f.Fix}
	}
	return report
}

// together makes checks at once, and returns what they find in their order.
func together(checks ...func() []doctor.Finding) []doctor.Finding {
	found := make([][]doctor.Finding, len(checks))
	var wait sync.WaitGroup
	for i, check := range checks {
		wait.Go(func() { found[i] = check() })
	}
	wait.Wait()
	return slices.Concat(found...)
}

// within makes a check that may heed no deadline, and may panic: a credential, a transport
// or a storage of the app's. One that does not end is left behind.
func within[T any](ctx context.Context, check func(context.Context) T) (result T, ended bool) {
	limited, cancel := context.WithTimeout(ctx, checkTimeout)
	done := make(chan T, 1)
	go func() {
		defer cancel()
		_ = flight.Caught(func() error { done <- check(limited); return nil })
		close(done)
	}()
	select {
	case result, ended = <-done:
	case <-limited.Done():
		select {
		case result, ended = <-done:
		case <-time.After(checkGrace):
			return result, false
		}
	}
	return result, ended && ctx.Err() == nil // what ends with ctx blames the wrong one
}

// check is within for what finds something about a subject.
func (d *diagnosis) check(ctx context.Context, code, subject string, look func(context.Context) []doctor.Finding) []doctor.Finding {
	found, ended := within(ctx, look)
	if !ended {
		return []doctor.Finding{unchecked(code, subject, tookTooLong)}
	}
	return found
}

// unchecked is a warning, for nobody knows.
func unchecked(code, subject, because string) doctor.Finding {
	return doctor.Finding{
		Severity: doctor.Warning, Code: code + uncheckedSuffix, What: subject + " was not checked: " + because,
		Why: "a fault there would not have been found", Fix: "look into what kept it from being checked, and run this again",
	}
}

func fine(code, what string) doctor.Finding {
	return doctor.Finding{Severity: doctor.OK, Code: code, What: what}
}
