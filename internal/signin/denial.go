package signin

import (
	"errors"
	"strconv"

	"github.com/fibermsal/fibermsal/internal/aadsts"
	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
	"github.com/fibermsal/fibermsal/internal/phrases"
)

// denied returns the error for access_denied: the user cancelled, did not consent, or has an account
// that Entra refuses.
func denied(r *flow.Response, kind aadsts.Kind, cause error, numbered bool) *autherr.Error {
	switch {
	case kind == aadsts.Declined: // the Cancel button also reports this, so it is checked before the subcode
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

// accountRefused returns the error for an account that Entra refuses.
func accountRefused(kind aadsts.Kind, cause error) *autherr.Error {
	return forAccount(autherr.Rejected.New(autherr.ReasonAccountRefused, cause), kind)
}

func forAccount(e *autherr.Error, kind aadsts.Kind) *autherr.Error {
	words := accountWords[kind]
	return autherr.WithAnotherAccount(autherr.WithWords(e, words.message, words.detail))
}

// explainedRedemption marks the error of a failed redemption as a problem of the account, if Entra
// reports that only now.
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

// accountWords are the texts for users whose account is refused. They contain no number and no text of
// a response (threat A10).
var accountWords = map[aadsts.Kind]struct{ message, detail phrases.Key }{
	aadsts.Unassigned:  {phrases.AccountUnassigned, phrases.AccountUnassignedDetail},
	aadsts.NotInTenant: {phrases.AccountNotInTenant, phrases.AccountNotInTenantDetail},
	aadsts.Blocked:     {phrases.AccountBlocked, phrases.AccountBlockedDetail},
	aadsts.Unusable:    {phrases.AccountUnusable, phrases.AskAdministrator},
	aadsts.Other:       {phrases.AccountRefused, phrases.AskAdministrator},
}
