package doctor

import (
	"cmp"
	"fmt"

	"github.com/fibermsal/fibermsal/internal/aadsts"
)

// refusalCodes are the codes of the problems that Entra's numbers tell apart.
var refusalCodes = map[aadsts.Kind]string{
	aadsts.UnknownTenant:           "tenant_unknown",
	aadsts.UnknownApp:              "app_unknown",
	aadsts.DisabledApp:             "app_disabled",
	aadsts.WrongSecret:             "secret_wrong",
	aadsts.ExpiredSecret:           "secret_expired",
	aadsts.UnregisteredCertificate: "certificate_unregistered",
}

// refusal returns what Entra's numbers mean, whichever endpoint answered with them.
func refusal(numbers []int, subject string) Finding {
	f := Finding{
		Severity: SeverityError, Code: "entra_refuses",
		What: "Entra refuses " + subject + numbered(numbers),
		Why:  "nobody can sign in",
		Fix:  adviceOr("look the number up at https://login.microsoftonline.com/error", numbers),
	}
	for _, n := range numbers {
		if code := refusalCodes[aadsts.KindOf(n)]; code != "" {
			f.Code = code
			break
		}
	}
	return f
}

// numbered returns the first number, to be added to a text.
func numbered(numbers []int) string {
	if len(numbers) == 0 {
		return ""
	}
	return fmt.Sprintf(" (AADSTS%d)", numbers[0])
}

func adviceOr(otherwise string, numbers []int) string {
	return cmp.Or(aadsts.Advice(numbers...), otherwise)
}
