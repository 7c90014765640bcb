package doctor

import (
	"time"

	"github.com/fibermsal/fibermsal/internal/authority"
)

// certificateWarning is how long before its expiry a certificate should be replaced.
const certificateWarning = 30 * 24 * time.Hour

// certificate checks the validity period of a client credential's certificate. There is no finding if
// the credential does not report the period.
func certificate(credential authority.ClientCredential, now time.Time) []Finding {
	from, until, reported := authority.Validity(credential)
	if !reported {
		return nil
	}
	f := Finding{
		Severity: SeverityError, Code: "certificate",
		Why: "Entra refuses it, so nobody can sign in",
		Fix: "register a new certificate, then replace the file, which is read again",
	}
	day := until.Format(time.DateOnly)
	switch left := until.Sub(now); {
	case now.Before(from):
		f.What = "the app's certificate is not valid before " + from.Format(time.DateTime)
		f.Fix = "wait, or check whether the clock is right"
	case left <= 0:
		f.What = "the app's certificate ended on " + day
	case left < certificateWarning:
		f.Severity, f.What, f.Why = SeverityWarning, "the app's certificate ends on "+day, "from then on nobody can sign in"
	default:
		return []Finding{ok("certificate", "the app's certificate is valid until "+day)}
	}
	return []Finding{f}
}
