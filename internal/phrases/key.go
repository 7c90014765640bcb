// Package phrases contains the texts that users read on the library's pages, in all languages of the
// pages.
//
// Each text has a [Key], and each language is one file with a catalogue that is indexed by keys. The
// compiler rejects an unknown key, and a test finds a missing one. To add a language, copy english.go,
// translate it, and add the language to languages.
package phrases

// Key identifies a text.
type Key uint8

// None is the Key for the absence of a text.
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

	// The messages of errors of Microsoft Graph.
	GraphAccessDenied
	GraphNotFound
	GraphRefused
	GraphFailed
	GraphBadAnswer
	GraphForeignURL

	// The messages of sign-ins that the user cancelled or Entra refused.
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

	// SignedOutHereDetail is for a user who signs out of the app only, and SignedOutHereOnlyDetail for
	// a user who should have been signed out of Microsoft as well.
	SignedOutHereDetail
	SignedOutHereOnlyDetail

	lastDetail = SignedOutHereOnlyDetail
)

// The other texts of pages.
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

	// The texts for an administrator who was asked to consent. Texts whose name ends in DetailIn
	// contain the [Placeholder], which stands for the tenant.
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

// Placeholder is replaced by a value when a text is shown.
const Placeholder = "{tenant}"
