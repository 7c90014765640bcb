package autherr

import (
	"errors"
	"fmt"
	"time"
)

// Reasons that other packages compare.
const (
	// ReasonStorage means that the storage failed. ReasonEntraPaused means that Entra is not called
	// because it has failed too often. Circuit breakers decide when to try again.
	ReasonStorage     = "storage_failed"
	ReasonEntraPaused = "entra_paused"
	// ReasonEntraBusy means that Entra refuses calls for a while (429) or has failed (5xx).
	ReasonEntraBusy = "entra_busy"
	// ReasonConnectionLost means that the connection of a call was lost. The next call uses another one.
	ReasonConnectionLost = "connection_lost"
	// ReasonLockWait means that a renewal has waited too long for another renewal of the same session.
	ReasonLockWait = "lock_wait"
	// ReasonKeys means that an ID token cannot be verified because the keys are unavailable.
	ReasonKeys = "keys_unavailable"
	// ReasonClock means that the times in an ID token show that the clock of this machine is wrong.
	ReasonClock = "id_token_time"
	// ReasonReplayed means that a response has already been used. ReasonGrantSpent means that a code or
	// refresh token has expired or was redeemed before.
	ReasonReplayed   = "replayed"
	ReasonGrantSpent = "grant_spent"
	// ReasonNoCookies means that the browser does not keep the cookies of sign-ins.
	ReasonNoCookies = "no_cookies"
	// ReasonCancelled is Entra's code if the user has cancelled the sign-in. ReasonDeclined means that
	// the user did not consent to the permissions.
	ReasonCancelled = "access_denied"
	ReasonDeclined  = "consent_declined"
	// ReasonAccountRefused means that Entra refuses the account. ReasonRequestRefused means that Entra
	// does not accept the request from this app.
	ReasonAccountRefused = "account_refused"
	ReasonRequestRefused = "request_refused"
	// ReasonAnotherUser means that Entra answered a silent sign-in for another user. A user is never
	// replaced by another one without having seen a page.
	ReasonAnotherUser = "another_user"
	// ReasonSharedMail means that several users of a tenant have the same mail address (threat B9).
	ReasonSharedMail = "mail_of_two_people"
)

// RetrySoon is how long to wait before a retry after an outage.
const RetrySoon = 5 * time.Second

// StorageUnavailable returns the error for a failed storage.
func StorageUnavailable(cause error) *Error { return TryLater(ReasonStorage, cause) }

// TryLater returns the error for a service that failed or did not answer in time.
func TryLater(reason string, cause error) *Error {
	e := Unavailable.New(reason, cause)
	e.RetryAfter = RetrySoon
	return e
}

// NotMounted returns the error for a function that ran without the middleware.
func NotMounted(function string) *Error {
	return Misconfigured.New("not_mounted", errors.New(function+" ran without fibermsal.New in front: app.Use(fibermsal.New(…)) must come before the route, and Config.Next must not skip the request"))
}

// Panicked returns the error for a recovered panic of the app's code.
func Panicked(value any) *Error {
	return Misconfigured.New("panic", fmt.Errorf("panic: %v", value))
}

// FromApp returns the Error in an error of the app, or a refusal of the sign-in that wraps the
// app's own error.
func FromApp(err error) *Error {
	if e, ok := Find(err); ok {
		return e
	}
	e := RefusedByApp.New("refused_by_app", nil)
	e.Err = err
	return e
}

// GaveUp returns the error for a caller that has stopped waiting for work that continues.
func GaveUp(cause error) error { return TryLater("gave_up", cause) }
