package doctor

import (
	"fmt"
	"time"
)

const (
	// skewWarning is more than any machine with NTP is off.
	skewWarning = time.Minute
	// skewError is what Entra and id_tokens are allowed to be off.
	skewError = 5 * time.Minute
)

// Clock judges by how much this machine's clock is ahead of Entra's.
func Clock(ahead time.Duration, told bool) Finding {
	if !told {
		return Finding{
			Warning, "clock_unchecked", "no answer of Entra's had a Date, so the clock was not compared",
			"a clock that is minutes off makes every sign-in fail",
			"compare it with another, and see whether a proxy removes the header",
		}
	}
	off := ahead.Abs().Round(time.Second)
	if off <= skewWarning {
		return fine("clock", fmt.Sprintf("the clock agrees with Entra's to within %v", max(off, time.Second)))
	}
	direction := "behind"
	if ahead > 0 {
		direction = "ahead of"
	}
	f := Finding{
		Warning, "clock_skew", fmt.Sprintf("this machine's clock is %v %s Entra's", off, direction),
		"from five minutes on id_tokens and client assertions are refused, so nobody can sign in",
		"let NTP set it, on the host where this is a container",
	}
	if off > skewError {
		f.Severity = Error
	}
	return f
}
