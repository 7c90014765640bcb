// Package phrases has what users read on the library's pages, in each language of the pages.
//
// A text is named by its [Key], and each language is one file: a catalogue that is indexed by keys, so
// that the compiler refuses an unknown one, and a test finds a missing one. To add a language, copy
// english.go, translate it, and add it to languages.
package phrases

// Key names a text.
type Key uint8

// None is the Key of no text.
const None Key = 0

// The messages of errors.
const (
	PleaseSignIn Key = iota + 1
	PermissionNeeded
	ConfirmIdentity
	AccountMayNot
	Busy
	SignInNotCompleted
	SignInMisconfigured
	SignOutMisconfigured
	TokenInvalid
	NotSignedIn
	OneTokenExpected
	TokenLacksPermission
	SigningInDidNotHelp
	OrganizationNotAllowed
	AppRefusesAccount

	// Those of Microsoft Graph.
	GraphAccessDenied
	GraphNotFound
	GraphRefused
	GraphFailed
	GraphBadAnswer
	GraphForeignURL

	// Those of sign-ins that the user or Entra did not want.
	PermissionsDeclined
	PermissionDeclined
	SignInCancelled
	AccountUnassigned
	AccountNotInTenant
	AccountBlocked
	AccountUnusable
	AccountRefused
	ApprovalNeeded

	// SignedOutHere is the message if the storage did not confirm that a session has ended.
	SignedOutHere

	lastMessage = SignedOutHere
)

// The details that pages add to messages.
const (
	PermissionNeededDetail Key = iota + lastMessage + 1
	SignInLoopDetail
	ConfirmIdentityDetail
	OtherAccountDetail
	CookiesDetail

	PermissionsDeclinedDetail
	SignInCancelledDetail
	AccountUnassignedDetail
	AccountNotInTenantDetail
	AccountBlockedDetail
	AskAdministrator

	StillSignedInWithout
	StillSignedInAsBefore
	StillSignedInUnchanged

	// SignedOutHereDetail is for a user whose sign-out ends in the app, SignedOutHereOnlyDetail for one
	// who was to be signed out of Microsoft, too.
	SignedOutHereDetail
	SignedOutHereOnlyDetail

	lastDetail = SignedOutHereOnlyDetail
)

// What pages consist of besides.
const (
	SignInTitle Key = iota + lastDetail + 1
	SignOutTitle
	SignOutQuestion

	SignInButton
	SignOutButton
	StaySignedInButton
	TryAgainButton
	OtherAccountButton
	HomePageButton
	ContinueButton

	// Reference is followed by the correlation ID.
	Reference

	// What an administrator reads who was asked to consent. The texts with the ending DetailIn have
	// the [Placeholder], which is the tenant.
	ConsentUnknown
	ConsentUnknownDetail
	ConsentGranted
	ConsentGrantedDetail
	ConsentGrantedDetailIn
	ConsentRefused
	ConsentRefusedDetail
	ConsentRefusedDetailIn

	count
)

// Placeholder is where a text has a value.
const Placeholder = "{tenant}"
