package entra

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fibermsal/fibermsal/internal/autherr"
	"github.com/fibermsal/fibermsal/internal/flow"
)

// Prompt is which page of Entra's a sign-in shows although Entra knows the user.
type Prompt string

const (
	// PromptSelectAccount lets the user choose an account.
	PromptSelectAccount Prompt = "select_account"
	// PromptLogin makes the user authenticate again. A user can remove it from the address of
	// Entra's page, so a page that depends on it also needs [AuthenticatedWithin].
	PromptLogin Prompt = "login"
	// PromptCreate shows the page for registering, which only External ID has.
	PromptCreate Prompt = "create"
)

// SignInOptions are those of a sign-in that a handler starts, or that Config.BeforeSignIn sees.
// Together with the scopes and claims that a page requires, they may take 700 bytes.
type SignInOptions struct {
	// Scopes are requested in addition to the configured ones.
	Scopes []string
	// LoginHint is the account to sign in, most likely its UPN. Entra fills it in. It has no effect
	// with PromptSelectAccount.
	LoginHint string
	// DomainHint leads to the pages of the users' own identity provider: a domain name,
	// "organizations" or "consumers".
	DomainHint string
	// Prompt shows a page of Entra's. Without it, Entra may sign in a user whom it knows at once.
	Prompt Prompt
	// Parameters are further parameters of the authorize request: acr_values, amr_values, cobrandid,
	// hsu, kmsi, lc, mkt, msafed or ui_locales. Others are refused.
	Parameters map[string]string
	// To is the path to which the browser returns. A path that would leave the app is replaced by
	// "/", so it may come from a request. The handler that starts the sign-in should not be reached
	// by it.
	//
	// Optional. Default: "/".
	To string
}

// furtherParameters are the parameters that an app may set. None of them is about the protocol.
var furtherParameters = []string{"acr_values", "amr_values", "cobrandid", "hsu", "kmsi", "lc", "mkt", "msafed", "ui_locales"}

// StartSignIn returns the error by which a handler starts a sign-in, although nothing has failed:
//
//	app.Post("/switch", func(*fiber.Ctx) error {
//		return fibermsal.StartSignIn(fibermsal.SignInOptions{Prompt: fibermsal.PromptSelectAccount, To: "/profile"})
//	})
//
// The middleware redirects page navigations, forms that a browser sends from a page, and what htmx
// requests, to the sign-in; other requests, such as those of fetch, get 401 with a login_url. The options travel sealed: the
// visitor cannot change them, nor bring others in the query. The user who is signed in stays so until
// the sign-in succeeds. With options that no sign-in can have, the error is [ErrMisconfigured].
func StartSignIn(o SignInOptions) *Error {
	requirements, err := o.requirements(flow.Requirements{})
	if err != nil {
		return autherr.Misconfigured.New("sign_in_options", err)
	}
	return autherr.LoginRequired.Intending(autherr.Intent{To: strings.Clone(o.To)}, &requirements)
}

// requirements returns the requirements of a sign-in with these options in place of those that it
// has. The strings are copies, because a request may have brought them (trap T10).
func (o *SignInOptions) requirements(r flow.Requirements) (flow.Requirements, error) {
	switch o.Prompt {
	case "", PromptSelectAccount, PromptLogin, PromptCreate:
	default:
		return r, fmt.Errorf("SignInOptions.Prompt is %q, which is none of PromptSelectAccount, PromptLogin and PromptCreate", o.Prompt)
	}
	if o.Prompt != "" || o.LoginHint != r.LoginHint {
		r = r.Interactive() // a silent sign-in is for the user of the session
	}
	r.SelectAccount, r.Prompt = o.Prompt == PromptSelectAccount, ""
	if !r.SelectAccount {
		r.Prompt = strings.Clone(string(o.Prompt))
	}
	r.Scopes = nil
	for _, scope := range o.Scopes {
		r.Scopes = append(r.Scopes, strings.Fields(strings.Clone(scope))...)
	}
	r.LoginHint, r.DomainHint, r.Parameters = strings.Clone(o.LoginHint), strings.Clone(o.DomainHint), nil
	for _, name := range slices.Sorted(maps.Keys(o.Parameters)) {
		if !slices.Contains(furtherParameters, name) {
			return r, fmt.Errorf("SignInOptions.Parameters contains %q, which is not one of %v", name, furtherParameters)
		}
		if r.Parameters == nil {
			r.Parameters = make(map[string]string)
		}
		r.Parameters[strings.Clone(name)] = strings.Clone(o.Parameters[name])
	}
	return r, nil
}

// optionsOf returns the options of a sign-in with these requirements.
func optionsOf(r *flow.Requirements, to string) SignInOptions {
	o := SignInOptions{
		Scopes: slices.Clone(r.Scopes), LoginHint: r.LoginHint, DomainHint: r.DomainHint, Prompt: Prompt(r.Prompt),
		Parameters: maps.Clone(r.Parameters), To: to,
	}
	if r.SelectAccount {
		o.Prompt = PromptSelectAccount
	}
	return o
}
