package doctor

import (
	"cmp"
	"fmt"

	"github.com/fibermsal/fibermsal/internal/aadsts"
)

// refusalCodes are the finding codes for the kinds of AADSTS numbers.
var refusalCodes = map[aadsts.Kind]string{
	aadsts.UnknownTenant:           "tenant_unknown",
	aadsts.UnknownApp:              "app_unknown",
	aadsts.DisabledApp:             "app_disabled",
	aadsts.WrongSecret:             "secret_wrong",
	aadsts.ExpiredSecret:           "secret_expired",
	aadsts.UnregisteredCertificate: "certificate_unregistered",
}

// refusal returns the finding about the AADSTS numbers in the response of any endpoint.
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

// numbered returns the first number in parentheses, for appending to a text, or "".
func numbered(numbers []int) string {
	if len(numbers) == 0 {
		return ""
	}
	return fmt.Sprintf(" (AADSTS%d)", numbers[0])
}

func adviceOr(otherwise string, numbers []int) string {
	return cmp.Or(aadsts.Advice(numbers...), otherwise)
}
