package signin

import (
	"errors"
	"strconv"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/phrases"
)

// denied returns the error for access_denied: a user who cancelled, one who did not consent, or an
// account that Entra does not let in.
func denied(r *flow.Response, kind aadsts.Kind, cause error, numbered bool) *autherr.Error {
	switch {
	case kind == aadsts.Declined: // also by the button Cancel, so before the subcode
		return autherr.WithWords(autherr.Rejected.New(autherr.ReasonDeclined, cause),
			phrases.PermissionsDeclined, phrases.PermissionsDeclinedDetail)
	case r.ErrorSubcode == "cancel" || !numbered:
		return autherr.WithWords(autherr.Rejected.New(autherr.ReasonCancelled, cause),
			phrases.SignInCancelled, phrases.SignInCancelledDetail)
	}
	if !kind.RefusesAccount() {
		kind = aadsts.Other
	}
	return accountRefused(kind, cause)
}

// accountRefused returns the error for an account that Entra does not let in.
func accountRefused(kind aadsts.Kind, cause error) *autherr.Error {
	return forAccount(autherr.Rejected.New(autherr.ReasonAccountRefused, cause), kind)
}

func forAccount(e *autherr.Error, kind aadsts.Kind) *autherr.Error {
	words := accountWords[kind]
	return autherr.WithAnotherAccount(autherr.WithWords(e, words.message, words.detail))
}

// explainedRedemption adds to the error of a code that was not redeemed that the account is the reason,
// if Entra says so only now.
func explainedRedemption(err error) error {
	e, ok := autherr.Find(err)
	if !ok || !errors.Is(e, autherr.Rejected) {
		return err
	}
	number, _ := strconv.Atoi(autherr.AADSTS(e))
	if kind := aadsts.KindOf(number); kind.RefusesAccount() {
		return forAccount(e, kind)
	}
	return err
}

// accountWords are what users read whose account is refused. No number and no text of a response is
// among them (threat A10).
var accountWords = map[aadsts.Kind]struct{ message, detail phrases.Key }{
	aadsts.Unassigned:  {phrases.AccountUnassigned, phrases.AccountUnassignedDetail},
	aadsts.NotInTenant: {phrases.AccountNotInTenant, phrases.AccountNotInTenantDetail},
	aadsts.Blocked:     {phrases.AccountBlocked, phrases.AccountBlockedDetail},
	aadsts.Unusable:    {phrases.AccountUnusable, phrases.AskAdministrator},
	aadsts.Other:       {phrases.AccountRefused, phrases.AskAdministrator},
}
