package autherr

import (
	"errors"
	"fmt"
	"time"
)

// Reasons that other packages branch on.
const (
	// ReasonStorage is a failed storage, ReasonEntraPaused an Entra that failed so often that
	// it is not called. Their circuit breakers decide when to try again.
	ReasonStorage     = "storage_failed"
	ReasonEntraPaused = "entra_paused"
	// ReasonEntraBusy is an Entra that refuses calls for a while (429) or failed (5xx).
	ReasonEntraBusy = "entra_busy"
	// ReasonConnectionLost is a call whose connection was lost. The next call uses another.
	ReasonConnectionLost = "connection_lost"
	// ReasonLockWait is a renewal that waited too long for another one of its session.
	ReasonLockWait = "lock_wait"
	// ReasonKeys is an id_token that cannot be verified, because the keys are unavailable.
	ReasonKeys = "keys_unavailable"
	// ReasonClock is an id_token whose times show that the clock of this machine is wrong.
	ReasonClock = "id_token_time"
	// ReasonReplayed is a callback that another one has preceded, and ReasonGrantSpent a code or
	// refresh token that has expired or was redeemed before.
	ReasonReplayed   = "replayed"
	ReasonGrantSpent = "grant_spent"
	// ReasonNoCookies is a browser that does not keep the cookies of sign-ins.
	ReasonNoCookies = "no_cookies"
	// ReasonCancelled is Entra's code for a user who cancelled the sign-in, and ReasonDeclined a
	// user who did not consent to the permissions.
	ReasonCancelled = "access_denied"
	ReasonDeclined  = "consent_declined"
	// ReasonAccountRefused is an account that Entra does not let in, and ReasonRequestRefused a
	// request that it does not accept from this app.
	ReasonAccountRefused = "account_refused"
	ReasonRequestRefused = "request_refused"
	// ReasonAnotherUser is a silent sign-in that Entra answered for another user. No user is
	// replaced by another one without having seen a page.
	ReasonAnotherUser = "another_user"
	// ReasonSharedMail is a mail address that several users of a tenant have (threat B9).
	ReasonSharedMail = "mail_of_two_people"
)

// RetrySoon is when to retry after an outage.
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

// GaveUp returns the error for a caller that stopped waiting for work that continues.
func GaveUp(cause error) error { return TryLater("gave_up", cause) }
