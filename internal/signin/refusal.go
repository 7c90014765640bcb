package signin

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/phrases"
	"github.com/fibermsal/fibermsal/internal/redact"
)

// maxDescription is longer than any description of Entra, which begins with the number.
const maxDescription = 2 << 10

// Refusal returns the error for an error response to an attempt that this browser began. The texts of
// the response are only logged (threat A10), and only their beginning is searched for numbers and
// credentials.
func Refusal(r *flow.Response) *autherr.Error {
	description := beginning(r.ErrorDescription)
	text := strings.Join(strings.Fields(r.Error+" "+r.ErrorSubcode+" "+description), " ")
	numbers := aadsts.Numbers(description)
	e := classify(r, redact.Wrap(errors.New(text), nil), numbers)
	if neverInResponse(numbers) {
		return autherr.WithNumbers(e, numbers...)
	}
	return autherr.WithAdvice(e, numbers...)
}

// UnverifiedRefusal returns the error for an error response that anyone may have written, because this
// browser did not begin the attempt. The log contains its codes but neither its text nor advice,
// because a visitor must not be able to give instructions to an administrator (threat A10).
func UnverifiedRefusal(r *flow.Response) *autherr.Error {
	numbers := aadsts.Numbers(beginning(r.ErrorDescription))
	return autherr.WithNumbers(classify(r, codesOf(r.Error, numbers), numbers), numbers...)
}

// unknownState returns the error for a response whose state this app has not sealed. If Entra reports
// an error without returning the state, the log contains its number.
func unknownState(r *flow.Response) *autherr.Error {
	if r.Error == "" {
		return autherr.Rejected.New("state_unknown", nil)
	}
	return WithReported(autherr.Rejected.New("state_unknown", nil), r)
}

// beginning returns the beginning of a description, cut between words, because a part of a credential
// would not be recognized.
func beginning(description string) string {
	if len(description) <= maxDescription {
		return description
	}
	return description[:strings.LastIndexByte(description[:maxDescription], ' ')+1]
}

// knownErrors are the errors of OAuth 2.0, OpenID Connect and Entra that may be logged.
var knownErrors = []string{
	autherr.ReasonCancelled, "account_selection_required", "consent_required", "interaction_required", "invalid_client", "invalid_grant",
	"invalid_request", "invalid_resource", "invalid_scope", "login_required", "permission_denied", "server_error", "temporarily_unavailable",
	"unauthorized_client", "unsupported_response_type",
}

// codesOf returns the codes of an error response without its text.
func codesOf(code string, numbers []int) error {
	if !slices.Contains(knownErrors, code) {
		code = "unknown"
	}
	words := []string{"the response reports", code}
	for _, n := range numbers {
		words = append(words, "AADSTS"+strconv.Itoa(n))
	}
	return errors.New(strings.Join(words, " "))
}

// ReportedCodes returns the codes of an error response that anyone may have written, for the log.
func ReportedCodes(code, description string) error {
	return codesOf(code, aadsts.Numbers(beginning(description)))
}

// WithReported adds the codes of an error response, which anyone may have written, to an error.
func WithReported(e *autherr.Error, r *flow.Response) *autherr.Error {
	numbers := aadsts.Numbers(beginning(r.ErrorDescription))
	changed := autherr.WithNumbers(e, numbers...)
	changed.Err = codesOf(r.Error, numbers)
	return changed
}

// elsewhere are kinds that are never in a genuine response, because Entra checks the app's credential
// only at the token endpoint and does not redirect browsers to unregistered URLs.
var elsewhere = []aadsts.Kind{aadsts.WrongSecret, aadsts.ExpiredSecret, aadsts.UnregisteredCertificate, aadsts.UnregisteredRedirectURI}

// neverInResponse reports whether one of the numbers cannot be in a genuine response.
func neverInResponse(numbers []int) bool {
	return slices.ContainsFunc(numbers, func(n int) bool {
		return slices.Contains(elsewhere, aadsts.KindOf(n))
	})
}

// classify returns the error for the OAuth error code and, if that has several possible causes, the
// AADSTS number.
func classify(r *flow.Response, cause error, numbers []int) *autherr.Error {
	kind := aadsts.FirstKind(numbers...)
	switch r.Error {
	case "temporarily_unavailable", "server_error":
		return autherr.TryLater("entra_error", cause)
	case "invalid_client", "unauthorized_client", "unsupported_response_type", "invalid_resource":
		if !kind.RefusesAccount() {
			return autherr.Misconfigured.New(autherr.ReasonRequestRefused, cause)
		}
	}
	switch {
	case kind.RefusesAccount():
		return accountRefused(kind, cause)
	case kind == aadsts.NeedsApproval:
		return autherr.WithWords(autherr.ConsentRequired.New("approval_required", cause),
			phrases.ApprovalNeeded, phrases.None)
	case r.Error == autherr.ReasonCancelled, kind == aadsts.Declined: // Entra also reports the latter as consent_required
		return denied(r, kind, cause, len(numbers) > 0)
	case r.Error == "consent_required":
		return autherr.ConsentRequired.New("consent_required", cause)
	case r.Error == "invalid_scope", r.Error == "invalid_request":
		return autherr.WithWords(autherr.Rejected.New(autherr.ReasonRequestRefused, cause), autherr.Misconfigured.MessageKey(), phrases.None)
	}
	return autherr.Rejected.New("entra_error", cause)
}
