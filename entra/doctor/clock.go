package doctor

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

const (
	// skewWarning is more than the clock of a machine with NTP is ever off.
	skewWarning = time.Minute
	// skewError is how much Entra and the validation of ID tokens tolerate.
	skewError = 5 * time.Minute
)

// clock returns the finding about the time by which this machine's clock is ahead of Entra's, if that
// was measured.
func clock(ahead time.Duration, measured bool) Finding {
	if !measured {
		return Finding{
			Severity: SeverityWarning, Code: "clock" + uncheckedSuffix,
			What: "no response of Entra had a Date header, so the clock was not compared",
			Why:  "a clock that is minutes off makes every sign-in fail",
			Fix:  "compare it with another clock, and check whether a proxy removes the header",
		}
	}
	off := ahead.Abs().Round(time.Second)
	if off <= skewWarning {
		return ok("clock", fmt.Sprintf("the clock agrees with Entra's to within %v", max(off, time.Second)))
	}
	direction := "behind"
	if ahead > 0 {
		direction = "ahead of"
	}
	f := Finding{
		Severity: SeverityWarning, Code: "clock_skew",
		What: fmt.Sprintf("this machine's clock is %v %s Entra's", off, direction),
		Why:  "if the difference exceeds five minutes, ID tokens and client assertions are refused, so nobody can sign in",
		Fix:  "let NTP set it, on the host if this is a container",
	}
	if off > skewError {
		f.Severity = SeverityError
	}
	return f
}

// skewOf returns how far this machine's clock is ahead of a server's, according to the Date header of a
// response. The header has whole seconds and was written some time between sent and received, so a
// difference within these limits counts as zero.
func skewOf(h http.Header, sent, received time.Time) (ahead time.Duration, measured bool) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0, false
	}
	if age, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil {
		date = date.Add(time.Duration(age) * time.Second) // from a cache
	}
	switch {
	case sent.After(date.Add(time.Second)):
		return sent.Sub(date.Add(time.Second)), true
	case received.Before(date):
		return received.Sub(date), true
	}
	return 0, true
}
